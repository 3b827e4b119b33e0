//! Evidence in S3: what a relay staged is verified, read and sealed without ever lying on a disk.
