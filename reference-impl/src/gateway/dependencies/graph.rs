//! Cycles and the longest chain of a small directed graph.

use std::collections::{BTreeMap, BTreeSet};

/// More cycles are not looked for: a graph with so many is not mended by naming the rest.
const MOST_CYCLES: usize = 1000;
/// Nodes that a chain may be looked for among.
const MOST_NODES: usize = 32;

/// Who depends on whom, by number.
#[derive(Debug, Default)]
pub struct Graph(BTreeMap<usize, BTreeSet<usize>>);

impl Graph {
    /// The graph with these edges.
    pub fn new(edges: impl IntoIterator<Item = (usize, usize)>) -> Graph {
        let mut graph = Graph::default();
        for (from, to) in edges {
            graph.0.entry(from).or_default().insert(to);
        }
        graph
    }

    fn after(&self, node: usize) -> impl Iterator<Item = usize> {
        self.0.get(&node).into_iter().flatten().copied()
    }

    /// Every way round that meets no node twice, each once, beginning at its smallest node.
    pub fn cycles(&self) -> Vec<Vec<usize>> {
        let mut found = Vec::new();
        for &start in self.0.keys() {
            self.round(&mut vec![start], &mut found);
        }
        found
    }

    /// Goes on from the end of a way, over nodes above its beginning.
    fn round(&self, way: &mut Vec<usize>, found: &mut Vec<Vec<usize>>) {
        let (start, end) = (way[0], way[way.len() - 1]);
        for next in self.after(end) {
            if found.len() >= MOST_CYCLES {
                return;
            }
            if next == start {
                found.push(way.clone());
            } else if next > start && !way.contains(&next) {
                way.push(next);
                self.round(way, found);
                way.pop();
            }
        }
    }

    /// The longest chain that meets no node twice; of several, the one whose nodes come first. Nothing without edges.
    pub fn longest_chain(&self) -> Vec<usize> {
        let mut known = BTreeMap::new();
        let chains = self.0.keys().map(|&start| self.chain(start, 0, &mut known));
        chains.reduce(|best, next| if next.len() > best.len() { next } else { best }).unwrap_or_default()
    }

    /// The longest chain from a node over those that are not yet taken. Each question is answered once, so that even a
    /// graph in which everyone calls everyone takes its time and no more.
    fn chain(&self, start: usize, taken: u32, known: &mut BTreeMap<(usize, u32), Vec<usize>>) -> Vec<usize> {
        let taken = if start < MOST_NODES { taken | 1 << start } else { taken };
        if let Some(chain) = known.get(&(start, taken)) {
            return chain.clone();
        }
        let mut best = Vec::new();
        for next in self.after(start).filter(|next| *next < MOST_NODES) {
            if taken & 1 << next == 0 {
                let chain = self.chain(next, taken, known);
                if chain.len() > best.len() {
                    best = chain;
                }
            }
        }
        best.insert(0, start);
        known.insert((start, taken), best.clone());
        best
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_has_no_cycle_and_its_depth_is_the_longest_chain() {
        let graph = Graph::new([(0, 1), (1, 2), (1, 3), (3, 4), (0, 4)]);
        assert!(graph.cycles().is_empty());
        assert_eq!(graph.longest_chain(), [0, 1, 3, 4]);
    }

    #[test]
    fn each_cycle_is_found_once() {
        let graph = Graph::new([(0, 1), (1, 0), (1, 2), (2, 0), (3, 3), (2, 4)]);
        assert_eq!(graph.cycles(), [vec![0, 1], vec![0, 1, 2], vec![3]]);
        assert_eq!(graph.longest_chain(), [0, 1, 2, 4]);
    }

    #[test]
    fn everyone_calling_everyone_is_no_endless_work() {
        let graph = Graph::new((0..13).flat_map(|from| (0..13).map(move |to| (from, to))));
        assert_eq!(graph.cycles().len(), MOST_CYCLES);
        assert_eq!(graph.longest_chain().len(), 13);
    }

    #[test]
    fn without_edges_there_is_nothing() {
        assert!(Graph::default().cycles().is_empty());
        assert!(Graph::default().longest_chain().is_empty());
    }
}
