//! Nothing. Named where programs are built for tests: cargo then chooses the features of dependencies as it does for the
//! tests, and uses what it built for them; without it the AWS SDK is compiled once more.

fn main() {}
