//! Directed graphs of names: their cycles, and their longest chain.

use std::collections::{BTreeMap, BTreeSet};

/// More cycles are not looked for.
const MOST_CYCLES: usize = 200;
/// Steps after which the search for cycles, and that for the longest chain, gives up; graphs of services need a few hundred.
const MOST_STEPS: usize = 200_000;

/// Who points to whom.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Digraph(BTreeMap<String, BTreeSet<String>>);

impl Digraph {
    /// The graph with these edges.
    pub fn new(edges: impl IntoIterator<Item = (String, String)>) -> Digraph {
        let mut graph = Digraph::default();
        for (from, to) in edges {
            graph.0.entry(from).or_default().insert(to);
        }
        graph
    }

    /// Whether one points to the other.
    pub fn has(&self, from: &str, to: &str) -> bool {
        self.0.get(from).is_some_and(|all| all.contains(to))
    }

    /// Whether every edge of another graph is in this one, too.
    pub fn covers(&self, other: &Digraph) -> bool {
        other.0.iter().all(|(from, all)| all.iter().all(|to| self.has(from, to)))
    }

    fn after<'a>(&'a self, node: &str) -> impl Iterator<Item = &'a str> {
        self.0.get(node).into_iter().flatten().map(String::as_str)
    }

    /// Every way round that meets nobody twice, each once, beginning at the name that comes first.
    pub fn cycles(&self) -> BTreeSet<Vec<String>> {
        let (mut found, mut steps) = (BTreeSet::new(), 0);
        for start in self.0.keys() {
            let mut open = vec![vec![start.as_str()]];
            while let Some(way) = open.pop() {
                steps += 1;
                for next in self.after(way[way.len() - 1]) {
                    if found.len() >= MOST_CYCLES || steps > MOST_STEPS {
                        return found;
                    }
                    if next == start {
                        found.insert(way.iter().map(|&name| name.to_owned()).collect());
                    } else if next > start.as_str() && !way.contains(&next) {
                        open.push(way.iter().copied().chain([next]).collect());
                    }
                }
            }
        }
        found
    }

    /// How many names the longest chain has that meets nobody twice; 0 without edges.
    pub fn longest_chain(&self) -> usize {
        let mut longest = 0;
        let mut open: Vec<Vec<&str>> = self.0.keys().map(|start| vec![start.as_str()]).collect();
        for _ in 0..MOST_STEPS {
            let Some(way) = open.pop() else {
                break;
            };
            longest = longest.max(way.len());
            let next = self.after(way[way.len() - 1]).filter(|next| !way.contains(next));
            open.extend(next.map(|next| way.iter().copied().chain([next]).collect::<Vec<_>>()).collect::<Vec<_>>());
        }
        longest
    }

    /// Whether these names are a chain: each points to the next, and none comes twice.
    pub fn is_chain(&self, names: &[String]) -> bool {
        let distinct: BTreeSet<&String> = names.iter().collect();
        distinct.len() == names.len() && names.windows(2).all(|pair| self.has(&pair[0], &pair[1]))
    }
}

/// A cycle as it is compared: beginning at the name that comes first, without the return to it.
pub fn turned(mut cycle: Vec<String>) -> Vec<String> {
    if cycle.len() > 1 && cycle.first() == cycle.last() {
        cycle.pop();
    }
    let first = (0..cycle.len()).min_by_key(|&at| &cycle[at]).unwrap_or(0);
    cycle.rotate_left(first);
    cycle
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(edges: &[(&str, &str)]) -> Digraph {
        Digraph::new(edges.iter().map(|&(from, to)| (from.to_owned(), to.to_owned())))
    }

    fn names(all: &[&str]) -> Vec<String> {
        all.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn a_tree_has_no_cycle_and_a_chain_as_long_as_it_is_deep() {
        let tree = graph(&[("a", "b"), ("b", "c"), ("b", "d"), ("d", "e")]);
        assert!(tree.cycles().is_empty());
        assert_eq!(tree.longest_chain(), 4);
        assert!(tree.is_chain(&names(&["a", "b", "d", "e"])));
        assert!(!tree.is_chain(&names(&["a", "d"])));
        assert_eq!(Digraph::default().longest_chain(), 0);
        assert!(tree.covers(&graph(&[("b", "d")])) && !tree.covers(&graph(&[("d", "b")])));
    }

    #[test]
    fn each_cycle_is_found_once_wherever_it_begins() {
        let round = graph(&[("b", "a"), ("a", "b"), ("b", "c"), ("c", "a"), ("d", "d")]);
        let wanted = BTreeSet::from([names(&["a", "b"]), names(&["a", "b", "c"]), names(&["d"])]);
        assert_eq!(round.cycles(), wanted);
        assert_eq!(round.longest_chain(), 3);
    }

    #[test]
    fn a_graph_with_more_ways_than_there_is_time_is_given_up() {
        let name = |at: u8| format!("n{at:02}");
        let edges = (0..47).flat_map(|from| (from + 1..47).map(move |to| (name(from), name(to))));
        let dense = Digraph::new(edges);
        assert!(dense.cycles().is_empty());
        assert!((2..=47).contains(&dense.longest_chain()));
    }

    #[test]
    fn cycles_are_compared_from_the_same_beginning() {
        for told in [&["b", "c", "a"][..], &["c", "a", "b", "c"], &["a", "b", "c"]] {
            assert_eq!(turned(names(told)), names(&["a", "b", "c"]));
        }
        assert_eq!(turned(Vec::new()), Vec::<String>::new());
    }
}
