//! The header of every message (MS-SMB2 2.2.1), and the numbers of commands and statuses.

use std::fmt;
use std::ops::Range;

use super::bytes::{Malformed, Reader};

/// Length of the header.
pub(super) const LENGTH: usize = 64;
/// Where the signature lies in it.
pub(super) const SIGNATURE: Range<usize> = 48..64;

const IS_ANSWER: u32 = 1;
const IS_SIGNED: u32 = 8;

/// What is asked for. All of them leave the endpoint as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Command {
    Negotiate = 0,
    SessionSetup = 1,
    Logoff = 2,
    TreeConnect = 3,
    TreeDisconnect = 4,
    Create = 5,
    Close = 6,
    Read = 8,
    Ioctl = 11,
    QueryDirectory = 14,
    QueryInfo = 16,
}

/// How the endpoint says that something went (MS-ERREF 2.3).
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Status(pub(super) u32);

macro_rules! statuses {
    ($($name:ident = $number:literal $says:literal)*) => {
        impl Status {
            $(pub(super) const $name: Self = Self($number);)*

            fn says(self) -> Option<&'static str> {
                match self {
                    $(Self::$name => Some($says),)*
                    _ => None,
                }
            }
        }
    };
}

statuses! {
    SUCCESS = 0 "success"
    PENDING = 0x0000_0103 "it takes time"
    BUFFER_OVERFLOW = 0x8000_0005 "there is more"
    NO_MORE_FILES = 0x8000_0006 "there are no more files"
    INVALID_PARAMETER = 0xC000_000D "invalid parameter"
    END_OF_FILE = 0xC000_0011 "the file ends before"
    MORE_PROCESSING = 0xC000_0016 "the logon is not over"
    ACCESS_DENIED = 0xC000_0022 "access denied"
    NAME_NOT_FOUND = 0xC000_0034 "there is none of that name"
    PATH_NOT_FOUND = 0xC000_003A "there is no such path"
    SHARING_VIOLATION = 0xC000_0043 "another program keeps it to itself"
    LOGON_FAILURE = 0xC000_006D "the password is wrong, or there is no such account"
    ACCOUNT_RESTRICTION = 0xC000_006E "the account may not log on from here, or has no password"
    LOGON_HOURS = 0xC000_006F "the account may not log on at this hour"
    WORKSTATION = 0xC000_0070 "the account may not log on there"
    PASSWORD_EXPIRED = 0xC000_0071 "the password has expired"
    ACCOUNT_DISABLED = 0xC000_0072 "the account is disabled"
    PIPE_NOT_AVAILABLE = 0xC000_00AC "the pipe is busy"
    NOT_SUPPORTED = 0xC000_00BB "not supported"
    BAD_NETWORK_NAME = 0xC000_00CC "there is no such share"
    REQUEST_NOT_ACCEPTED = 0xC000_00D0 "it has no room for another session"
    LOGON_TYPE = 0xC000_015B "the account may not log on over the network"
    PASSWORD_MUST_CHANGE = 0xC000_0224 "the password must be changed first"
    ACCOUNT_LOCKED = 0xC000_0234 "the account is locked"
    NETWORK_SESSION_EXPIRED = 0xC000_035C "the session has expired"
}

impl Status {
    /// Whether the account was turned away, for whatever reason.
    pub(super) fn refuses_account(self) -> bool {
        const ALL: [Status; 10] = [
            Status::LOGON_FAILURE,
            Status::ACCOUNT_RESTRICTION,
            Status::LOGON_HOURS,
            Status::WORKSTATION,
            Status::PASSWORD_EXPIRED,
            Status::ACCOUNT_DISABLED,
            Status::LOGON_TYPE,
            Status::PASSWORD_MUST_CHANGE,
            Status::ACCOUNT_LOCKED,
            Status::ACCESS_DENIED,
        ];
        ALL.contains(&self)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.says() {
            Some(says) => write!(f, "{says}"),
            None => write!(f, "status 0x{:08X}", self.0),
        }
    }
}

impl fmt::Debug for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{:08X}", self.0)
    }
}

/// The header of an answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    pub(super) status: Status,
    pub(super) command: u16,
    /// Credits that are granted.
    pub(super) credits: u16,
    flags: u32,
    pub(super) next: u32,
    pub(super) message: u64,
    pub(super) tree: u32,
    pub(super) session: u64,
}

impl Header {
    pub(super) fn read(message: &[u8]) -> Result<Self, Malformed> {
        let mut fields = Reader::new(message);
        match fields.array::<4>()? {
            [0xfe, b'S', b'M', b'B'] => {}
            [0xff, b'S', b'M', b'B'] => return Err(Malformed("it answers in SMB 1")),
            _ => return Err(Malformed("it does not answer in SMB")),
        }
        if fields.u16()? != 64 {
            return Err(Malformed("the header of an answer has a strange size"));
        }
        fields.u16()?;
        let status = Status(fields.u32()?);
        let (command, credits, flags, next) = (fields.u16()?, fields.u16()?, fields.u32()?, fields.u32()?);
        let message = fields.u64()?;
        fields.u32()?;
        let (tree, session) = (fields.u32()?, fields.u64()?);
        fields.take(16)?;
        if flags & IS_ANSWER == 0 {
            return Err(Malformed("it answers with a question"));
        }
        Ok(Self { status, command, credits, flags, next, message, tree, session })
    }

    pub(super) fn is_signed(&self) -> bool {
        self.flags & IS_SIGNED != 0
    }
}

/// What a request says beside its body.
#[derive(Clone, Copy, Debug)]
pub(super) struct Question {
    pub(super) command: Command,
    pub(super) charge: u16,
    pub(super) credits: u16,
    pub(super) signed: bool,
    pub(super) message: u64,
    pub(super) tree: u32,
    pub(super) session: u64,
}

impl Question {
    /// The whole message, not signed yet.
    pub(super) fn message(&self, body: &[u8]) -> Vec<u8> {
        let mut message = vec![0xfe, b'S', b'M', b'B'];
        message.extend(64_u16.to_le_bytes());
        message.extend(self.charge.to_le_bytes());
        message.extend([0; 4]);
        message.extend((self.command as u16).to_le_bytes());
        message.extend(self.credits.to_le_bytes());
        message.extend(if self.signed { IS_SIGNED } else { 0 }.to_le_bytes());
        message.extend([0; 4]);
        message.extend(self.message.to_le_bytes());
        message.extend([0; 4]);
        message.extend(self.tree.to_le_bytes());
        message.extend(self.session.to_le_bytes());
        message.extend([0; 16]);
        message.extend(body);
        message
    }
}
