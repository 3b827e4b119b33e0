//! The workstation and server services (MS-WKST, MS-SRVS): the machine's name, who is logged on, its shares, and who
//! uses them.

use super::bytes::Malformed;
use super::failure::Failure;
use super::ndr::{Arguments, Results};
use super::rpc::{Pipe, Rows, Service, Win32, rows};
use super::share::Shares;

/// `6bffd098-a112-3610-9833-46c3f87e345a`, version 1.
const WKSSVC: Service = Service {
    pipe: "wkssvc",
    interface: [
        0x98, 0xd0, 0xff, 0x6b, 0x12, 0xa1, 0x10, 0x36, 0x98, 0x33, 0x46, 0xc3, 0xf8, 0x7e, 0x34, 0x5a, 1, 0,
        0, 0,
    ],
};

/// `4b324fc8-1670-01d3-1278-5a47bf6ee188`, version 3.
const SRVSVC: Service = Service {
    pipe: "srvsvc",
    interface: [
        0xc8, 0x4f, 0x32, 0x4b, 0x70, 0x16, 0xd3, 0x01, 0x12, 0x78, 0x5a, 0x47, 0xbf, 0x6e, 0xe1, 0x88, 3, 0,
        0, 0,
    ],
};

/// Bytes of a list that are asked for.
const ROOM: u32 = 1 << 20;

/// What the workstation service says of the machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Workstation {
    /// NetBIOS name.
    pub(super) name: String,
    /// Domain or workgroup, which it does not tell apart.
    pub(super) domain: String,
    pub(super) major: u32,
    pub(super) minor: u32,
}

/// A logon on the machine: a person's, a service's or a job's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Logon {
    pub(super) user: String,
    pub(super) domain: String,
}

/// A share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Share {
    pub(super) name: String,
    pub(super) is_disk: bool,
}

/// Somebody who uses shares of the machine from another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Visitor {
    pub(super) from: String,
    pub(super) user: String,
    /// Seconds.
    pub(super) since: u32,
}

pub(super) async fn workstation(shares: &mut Shares) -> Result<Workstation, Failure> {
    const GET_INFO: u16 = 0;
    let stub = ask(shares, &WKSSVC, GET_INFO, Arguments::default().null().u32(100)).await?;
    Ok(read_workstation(&stub.0)?)
}

pub(super) async fn logons(shares: &mut Shares) -> Result<Vec<Logon>, Failure> {
    const USER_ENUM: u16 = 2;
    let (stub, _) = ask(shares, &WKSSVC, USER_ENUM, list(Arguments::default().null(), 1)).await?;
    Ok(read_logons(&stub)?)
}

pub(super) async fn disks(shares: &mut Shares) -> Result<Rows<Share>, Failure> {
    const SHARE_ENUM: u16 = 15;
    let (stub, cut) = ask(shares, &SRVSVC, SHARE_ENUM, list(Arguments::default().null(), 1)).await?;
    Ok(Rows { rows: read_shares(&stub)?, cut })
}

pub(super) async fn visitors(shares: &mut Shares) -> Result<Vec<Visitor>, Failure> {
    const SESSION_ENUM: u16 = 12;
    let arguments = list(Arguments::default().null().null().null(), 10);
    let (stub, _) = ask(shares, &SRVSVC, SESSION_ENUM, arguments).await?;
    Ok(read_visitors(&stub)?)
}

/// One call over a pipe of its own. With whether there is more than fits.
async fn ask(
    shares: &mut Shares,
    service: &Service,
    number: u16,
    arguments: Arguments,
) -> Result<(Vec<u8>, bool), Failure> {
    let mut pipe = Pipe::open(shares, service).await?;
    let called = pipe.call(shares, number, arguments).await;
    if !matches!(called, Err(Failure::Broken(_))) {
        pipe.close(shares).await?;
    }
    match called? {
        (stub, Win32(0)) => Ok((stub, false)),
        (stub, Win32::MORE_DATA) => Ok((stub, true)),
        (_, code) => Err(Failure::Service(code)),
    }
}

/// An empty list of a level to be filled, how long it may become, and where to begin.
fn list(arguments: Arguments, level: u32) -> Arguments {
    arguments.u32(level).u32(level).pointer().u32(0).null().u32(ROOM).pointer().u32(0)
}

pub(super) fn read_workstation(stub: &[u8]) -> Result<Workstation, Malformed> {
    let mut results = Results::new(stub);
    if results.u32()? != 100 || !results.pointer()? {
        return Err(Malformed("the workstation tells nothing of itself"));
    }
    let (_, has_name, has_domain) = (results.u32()?, results.pointer()?, results.pointer()?);
    let (major, minor) = (results.u32()?, results.u32()?);
    let name = if has_name { results.string()? } else { String::new() };
    let domain = if has_domain { results.string()? } else { String::new() };
    Ok(Workstation { name, domain, major, minor })
}

pub(super) fn read_logons(stub: &[u8]) -> Result<Vec<Logon>, Malformed> {
    // Account, its domain, other domains, and who let it log on.
    rows(stub, &[true, true, true, true], |_, texts| {
        let text = |at: usize| texts.get(at).cloned().flatten().unwrap_or_default();
        Logon { user: text(0), domain: text(1) }
    })
}

pub(super) fn read_shares(stub: &[u8]) -> Result<Vec<Share>, Malformed> {
    rows(stub, &[true, false, true], |numbers, texts| Share {
        name: texts.first().cloned().flatten().unwrap_or_default(),
        // The low byte says what it is, and 0 is a disk.
        is_disk: numbers.get(1).is_some_and(|kind| kind & 0xff == 0),
    })
}

pub(super) fn read_visitors(stub: &[u8]) -> Result<Vec<Visitor>, Malformed> {
    rows(stub, &[true, true, false, false], |numbers, texts| {
        let text = |at: usize| texts.get(at).cloned().flatten().unwrap_or_default();
        Visitor { from: text(0), user: text(1), since: numbers.get(2).copied().unwrap_or_default() }
    })
}
