//! What the panels show, without a window: recordings, live simulations, runs, networks.

pub mod brain;
pub mod channel;
pub mod choice;
pub mod contacts;
pub mod disturb;
pub mod document;
pub mod follow;
pub mod live;
pub mod look;
pub mod recording;
pub mod rollout_file;
pub mod source;
pub mod spikes;
pub mod timeline;
pub mod worker;
pub mod world;
