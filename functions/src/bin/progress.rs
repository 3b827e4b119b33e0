//! Takes what relays report: assesses and seals.
#![forbid(unsafe_code)]

use casework::aws::performer::Role;

fn main() -> Result<(), functions::Error> {
    functions::run(Role::Progress)
}
