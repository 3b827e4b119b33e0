//! Takes alerts over HTTPS and puts them on the queue.
#![forbid(unsafe_code)]

fn main() -> Result<(), functions::Error> {
    functions::run_door()
}
