//! What the evidence means.
