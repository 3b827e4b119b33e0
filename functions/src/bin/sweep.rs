//! Looks at what is open, every minute.
#![forbid(unsafe_code)]

use casework::aws::performer::Role;

fn main() -> Result<(), functions::Error> {
    functions::run(Role::Sweep)
}
