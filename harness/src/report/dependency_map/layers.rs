//! Which box stands in which column, and in which order, so that edges lead to the right and seldom cross.

/// From one box to another, by number.
pub(super) type Edge = (usize, usize);

/// Passes over the columns; each sorts one by where its neighbours stand.
const PASSES: usize = 4;

/// The boxes of each column, from the left. Edges that close a cycle are left out of account.
pub(super) fn layers(nodes: usize, edges: &[Edge]) -> Vec<Vec<usize>> {
    let forward = without_back_edges(nodes, edges);
    let mut depth = vec![0; nodes];
    // Without cycles, no chain is longer than there are boxes.
    for _ in 0..nodes {
        for &(from, to) in &forward {
            depth[to] = depth[to].max(depth[from] + 1);
        }
    }
    // A box that calls nobody and is called by nobody stands below the others, at the left.
    let columns = depth.iter().copied().max().unwrap_or(0) + 1;
    let mut layers = vec![Vec::new(); columns];
    for node in 0..nodes {
        layers[depth[node]].push(node);
    }
    for pass in 0..PASSES {
        let columns: Vec<usize> = if pass % 2 == 0 { (1..columns).collect() } else { (0..columns - 1).rev().collect() };
        for column in columns {
            let neighbour = if pass % 2 == 0 { column - 1 } else { column + 1 };
            sort_by_neighbours(&mut layers, column, neighbour, &forward);
        }
    }
    layers
}

fn sort_by_neighbours(layers: &mut [Vec<usize>], column: usize, neighbour: usize, edges: &[Edge]) {
    let beside = layers[neighbour].clone();
    let place = |node: usize| beside.iter().position(|&other| other == node);
    let middle = |node: usize| {
        let others = edges.iter().filter_map(|&(from, to)| match node {
            _ if from == node => place(to),
            _ if to == node => place(from),
            _ => None,
        });
        let others: Vec<f64> = others.map(|at| at as f64).collect();
        // Whoever has no neighbour there goes to the end.
        if others.is_empty() { f64::MAX } else { others.iter().sum::<f64>() / others.len() as f64 }
    };
    let mut sorted: Vec<(f64, usize)> = layers[column].iter().map(|&node| (middle(node), node)).collect();
    sorted.sort_by(|one, other| one.0.total_cmp(&other.0));
    layers[column] = sorted.into_iter().map(|(_, node)| node).collect();
}

/// The edges that are left when each that leads back to where the way came from is taken out.
fn without_back_edges(nodes: usize, edges: &[Edge]) -> Vec<Edge> {
    #[derive(Clone, Copy, PartialEq)]
    enum Met {
        Never,
        OnTheWay,
        Done,
    }
    fn visit(node: usize, edges: &[Edge], met: &mut [Met], kept: &mut Vec<Edge>) {
        met[node] = Met::OnTheWay;
        for &(from, to) in edges.iter().filter(|(from, _)| *from == node) {
            if met[to] == Met::OnTheWay {
                continue;
            }
            kept.push((from, to));
            if met[to] == Met::Never {
                visit(to, edges, met, kept);
            }
        }
        met[node] = Met::Done;
    }
    let (mut met, mut kept) = (vec![Met::Never; nodes], Vec::new());
    for node in 0..nodes {
        if met[node] == Met::Never {
            visit(node, edges, &mut met, &mut kept);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_stands_to_the_right_of_whoever_calls_it() {
        let edges = [(0, 1), (1, 2), (1, 3), (0, 3), (2, 4)];
        assert_eq!(layers(6, &edges), [vec![0, 5], vec![1], vec![2, 3], vec![4]]);
    }

    #[test]
    fn a_cycle_is_cut_where_it_closes() {
        assert_eq!(layers(3, &[(0, 1), (1, 2), (2, 0), (1, 1)]), [vec![0], vec![1], vec![2]]);
    }

    #[test]
    fn columns_are_in_the_order_of_their_neighbours() {
        let edges = [(0, 3), (1, 2)];
        assert_eq!(layers(4, &edges), [vec![0, 1], vec![3, 2]]);
        assert_eq!(layers(1, &[]), [vec![0]]);
    }
}
