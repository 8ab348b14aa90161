//! Channels-last CPU kernels.
