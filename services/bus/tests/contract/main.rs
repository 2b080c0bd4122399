//! The contract of a bus, kept by the embedded broker and by the external bus on a real Mosquitto. What only makes sense
//! where the broker is ours runs on the embedded one only.
#![allow(clippy::unwrap_used)]

mod access;
mod bad_broker;
mod bad_input;
mod counters;
mod mosquitto;
mod overload;
mod owntracks;
mod phone;
mod presence;
mod raw;
mod stub;
mod traffic;
mod trunk;
mod world;

/// Runs each case on the embedded broker.
macro_rules! on_embedded {
    ($($case:ident),* $(,)?) => {
        mod embedded {
            $(
                #[tokio::test]
                async fn $case() {
                    super::$case($crate::world::World::embedded().await).await;
                }
            )*
        }
    };
}

/// Runs each case on Mosquitto, if it is installed.
macro_rules! on_mosquitto {
    ($($case:ident),* $(,)?) => {
        mod mosquitto {
            $(
                #[tokio::test]
                async fn $case() {
                    if let Some(world) = $crate::world::World::mosquitto().await {
                        super::$case(world).await;
                    }
                }
            )*
        }
    };
}

pub(crate) use {on_embedded, on_mosquitto};
