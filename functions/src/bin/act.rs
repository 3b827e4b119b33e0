//! Delivers mails and tickets.
#![forbid(unsafe_code)]

use casework::aws::performer::Role;

fn main() -> Result<(), functions::Error> {
    functions::run(Role::Act)
}
