//! Where checks run: on stacks of the harness's own, or on somebody else's system.

use crate::check::{Live, Patience, Pulse};
use crate::provision::{Alteration, ProvisionError, Servers, Stack, StackSpec, System};
use crate::target::{Composed, Own, Service, Setup, Target};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OnceCell;

/// The containers of a whole system; none where no engine answers.
type Composition = Option<(System, Arc<Pulse>)>;

/// Where the checks of one run find their targets.
pub enum Place {
    /// Stacks made to measure, on servers of the harness's own.
    Stacks {
        /// The servers.
        servers: Arc<Servers>,
        /// What is broken about every stack; nothing in an honest run.
        alterations: Vec<Alteration>,
        /// The stack that checks share, made when the first asks for it.
        shared: Box<OnceCell<(Stack, Arc<Pulse>)>>,
        /// The system of the compose file, likewise; nothing where it cannot be brought up.
        composed: Box<OnceCell<Composition>>,
        /// Seed of the run.
        seed: u64,
    },
    /// One running system.
    External {
        /// The system.
        target: Box<Target>,
        /// Whether it still answers.
        pulse: Arc<Pulse>,
    },
}

/// A target for one check, and the stack to stop when the check is done.
pub struct Placed {
    /// The target.
    pub target: Target,
    /// Whether the target as a whole still answers.
    pub pulse: Arc<Pulse>,
    own: Option<Owned>,
}

/// What a check has for itself.
enum Owned {
    Stack(Box<Stack>),
    System(Box<System>),
}

impl Placed {
    /// Where there are no containers to be had, what needs them is skipped.
    fn nowhere() -> Placed {
        Placed { target: Target::unreachable("reference"), pulse: Arc::default(), own: None }
    }

    /// Ends what was the check's own.
    pub async fn leave(self) {
        // It holds on to the stack's parts.
        drop(self.target);
        match self.own {
            Some(Owned::Stack(stack)) => stack.stop().await,
            Some(Owned::System(system)) => system.stop().await,
            None => {}
        }
    }
}

impl Place {
    /// Stacks on the harness's own servers.
    pub fn stacks(servers: Arc<Servers>, alterations: Vec<Alteration>, seed: u64) -> Place {
        Place::Stacks { servers, alterations, shared: Box::default(), composed: Box::default(), seed }
    }

    /// Somebody else's system.
    pub fn external(target: Target) -> Place {
        Place::External { target: Box::new(target), pulse: Arc::default() }
    }

    /// Whether every check looks at the same system, so that what one does to it others see.
    pub fn is_shared_by_all(&self) -> bool {
        matches!(self, Place::External { .. })
    }

    /// A look at somebody else's system for the run itself, with an address of its own; nothing on our own stacks, which go
    /// with all that is in them.
    pub fn visit(&self, patience: Patience) -> Option<Live> {
        match self {
            Place::External { target, pulse } => Some(Live::new((**target).clone(), patience, pulse.clone(), 0)),
            Place::Stacks { .. } => None,
        }
    }

    /// The target that a check asks for.
    ///
    /// # Errors
    /// Where a stack cannot be brought up.
    pub async fn enter(&self, feature: u16, setup: Setup) -> Result<Placed, ProvisionError> {
        match (self, setup) {
            (Place::External { target, pulse }, _) => {
                Ok(Placed { target: (**target).clone(), pulse: pulse.clone(), own: None })
            }
            (Place::Stacks { shared, .. }, Setup::Shared) => {
                let make = || async {
                    let stack = self.stack("shared", Own::of(&Service::ALL)).await?;
                    Ok::<_, ProvisionError>((stack, Arc::default()))
                };
                let (stack, pulse) = shared.get_or_try_init(make).await?;
                Ok(Placed { target: stack.target.clone(), pulse: pulse.clone(), own: None })
            }
            (Place::Stacks { .. }, Setup::Own(own)) => {
                let stack = self.stack(&format!("f{feature:03}"), own).await?;
                Ok(Placed {
                    target: stack.target.clone(),
                    pulse: Arc::default(),
                    own: Some(Owned::Stack(Box::new(stack))),
                })
            }
            (Place::Stacks { servers, alterations, composed, .. }, Setup::Composed(Composed::Whole)) => {
                let make = || async {
                    let system = servers.system(Composed::Whole, alterations).await?;
                    Ok::<_, ProvisionError>(system.map(|system| (system, Arc::default())))
                };
                let made = composed.get_or_try_init(make).await?.as_ref();
                Ok(made.map_or_else(Placed::nowhere, |(system, pulse)| Placed {
                    target: system.target.clone(),
                    pulse: pulse.clone(),
                    own: None,
                }))
            }
            (Place::Stacks { servers, alterations, .. }, Setup::Composed(Composed::Stores)) => {
                let made = servers.system(Composed::Stores, alterations).await?;
                Ok(made.map_or_else(Placed::nowhere, |system| Placed {
                    target: system.target.clone(),
                    pulse: Arc::default(),
                    own: Some(Owned::System(Box::new(system))),
                }))
            }
        }
    }

    async fn stack(&self, name: &str, own: Own) -> Result<Stack, ProvisionError> {
        let Place::Stacks { servers, alterations, seed, .. } = self else {
            unreachable!("only stacks are made to measure");
        };
        let spec = StackSpec { name: name.to_owned(), own, alterations: alterations.clone(), fresh_seed: *seed };
        servers.stack(&spec).await
    }

    /// What is said of a system that stopped answering and is down for good: it is asked once more, and has as long for
    /// this answer as for any other, since a slow one is not down.
    pub async fn epitaph(&self, answer_within: Duration) -> Option<String> {
        let Place::External { target, pulse } = self else {
            return None;
        };
        let down = pulse.is_gone() && pulse.last_question(target, &BTreeSet::new(), answer_within).await;
        down.then(|| pulse.epitaph())
    }

    /// Ends what checks shared, if there was anything.
    pub async fn close(self) {
        let Place::Stacks { shared, composed, .. } = self else {
            return;
        };
        if let Some((system, _)) = composed.into_inner().flatten() {
            system.stop().await;
        }
        if let Some((stack, _)) = shared.into_inner() {
            stack.stop().await;
        }
    }
}
