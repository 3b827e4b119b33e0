//! The evidence container: a zip that anybody can open, whose manifest proves every byte of it.
//!
//! ```text
//! [entry][entry]…[manifest.json, stored][central directory][end record]
//!  └── hashed one by one, and as a whole ──┘    └── must repeat the local headers, field by field
//! ```
//!
//! [`seal()`] writes one from a staging folder into a file, [`write_sealed()`] from a relay's [`Bundle`] into anything
//! that takes bytes in order; [`verify()`] proves one. All stream: memory does not grow with the evidence. Writers and
//! reader share no code that touches the format (the first writes through the `zip` crate, which goes back to a header
//! when it knows the sizes; the second by itself, from sizes known before; the reader reads strictly), so that a
//! mistake in one is seen by the others.

pub mod bundle;
mod heading;
mod layout;
mod problem;
mod read;
mod seal;
mod staging;
mod stream;
mod streamed;
mod unpack;
mod verify;

#[cfg(test)]
mod tests;

pub use bundle::{Bundle, BundleError};
pub use heading::entry_of;
pub use problem::{Problem, VerifyError};
pub use read::{Opened, OpenedSecond, Proven, ReadError, open, open_in, open_second, open_second_in};
pub use seal::{SealError, SealRequest, Sealed, seal, staged_entries};
pub use streamed::{
    Measured, RELAY_REPORT_PATH, SealBundle, SealBundleError, measure, sealed_entries, write_sealed,
};
pub use verify::{Report, verify, verify_in};

use jiff::Timestamp;
use jiff::tz::Offset;

/// Bytes moved at a time.
const CHUNK: usize = 64 << 10;
/// Permissions of every entry: a regular file, readable by all. Those of the staging folder mean nothing elsewhere.
const UNIX_MODE: u32 = 0o100_644;

/// Date and time of an entry as MS-DOS keeps them, in UTC: `(date, time)`. Two seconds are one step, and what lies
/// outside 1980 to 2107 is held at the nearest end.
fn dos_time(at: Timestamp) -> (u16, u16) {
    let civil = Offset::UTC.to_datetime(at);
    let year = civil.year().clamp(1980, 2107);
    let field = |value: i8| u16::from(value.unsigned_abs());
    if year != civil.year() {
        return if year == 1980 {
            ((1 << 5) | 1, 0)
        } else {
            ((127 << 9) | (12 << 5) | 31, (23 << 11) | (59 << 5) | 29)
        };
    }
    let date = ((year - 1980).unsigned_abs() << 9) | (field(civil.month()) << 5) | field(civil.day());
    let time = (field(civil.hour()) << 11) | (field(civil.minute()) << 5) | (field(civil.second()) / 2);
    (date, time)
}
