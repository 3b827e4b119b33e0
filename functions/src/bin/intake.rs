//! Takes alerts off the queue and opens cases.
#![forbid(unsafe_code)]

use casework::aws::performer::Role;

fn main() -> Result<(), functions::Error> {
    functions::run(Role::Intake)
}
