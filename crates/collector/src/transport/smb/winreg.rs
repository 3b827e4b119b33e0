//! The remote registry (MS-RRP): opening keys for reading, and listing what is in them.

use super::bytes::{Malformed, text};
use super::failure::Failure;
use super::ndr::{Arguments, Handle, Results};
use super::rpc::{Pipe, Service, Win32};
use super::share::Shares;
use crate::transport::local::windows::registry::{Hive, Listing, Value};

/// `338cd001-2244-31f1-aaaa-900038001003`, version 1.
pub(super) const WINREG: Service = Service {
    pipe: "winreg",
    interface: [
        0x01, 0xd0, 0x8c, 0x33, 0x44, 0x22, 0xf1, 0x31, 0xaa, 0xaa, 0x90, 0x00, 0x38, 0x00, 0x10, 0x03, 1, 0,
        0, 0,
    ],
};

const OPEN_LOCAL_MACHINE: u16 = 2;
const OPEN_USERS: u16 = 4;
const CLOSE_KEY: u16 = 5;
const ENUM_KEY: u16 = 9;
const ENUM_VALUE: u16 = 10;
const OPEN_KEY: u16 = 15;

/// `KEY_READ`: values, subkeys, their security; nothing that changes anything.
const READ: u32 = 0x2_0019;
/// Bytes of a key's longest name (255 characters), and of a value's (16,383).
const KEY_NAME: u16 = 512;
const VALUE_NAME: u16 = 32766;
/// Most bytes of one value that are looked at.
pub(super) const VALUE_CAP: u32 = 64 << 10;
/// Most values or subkeys of one key that are listed.
pub(super) const LIST_CAP: u32 = 50_000;

/// A registry whose roots are open.
pub(super) struct Winreg {
    pipe: Pipe,
    machine: Handle,
    users: Option<Handle>,
}

impl Winreg {
    pub(super) async fn open(shares: &mut Shares) -> Result<Self, Failure> {
        let mut pipe = Pipe::open(shares, &WINREG).await?;
        let machine = root(&mut pipe, shares, OPEN_LOCAL_MACHINE).await?;
        Ok(Self { pipe, machine, users: None })
    }

    pub(super) async fn close(self, shares: &mut Shares) -> Result<(), Failure> {
        self.pipe.close(shares).await
    }

    /// Names of the keys below a key, until `stop` says so.
    pub(super) async fn keys(
        &mut self,
        shares: &mut Shares,
        hive: Hive,
        path: &str,
        stop: &dyn Fn() -> bool,
    ) -> Result<Listing<String>, Failure> {
        let key = self.key(shares, hive, path).await?;
        let mut items = Vec::new();
        let listed = loop {
            let index = u32::try_from(items.len()).unwrap_or(u32::MAX);
            if index >= LIST_CAP || stop() {
                break Ok(true);
            }
            match self.enum_key(shares, &key, index).await {
                Ok(Some(name)) => items.push(name),
                Ok(None) => break Ok(false),
                Err(error) => break Err(error),
            }
        };
        self.close_key(shares, &key, &listed).await?;
        Ok(Listing { items, cut: listed? })
    }

    /// Values of a key, until `stop` says so.
    pub(super) async fn values(
        &mut self,
        shares: &mut Shares,
        hive: Hive,
        path: &str,
        stop: &dyn Fn() -> bool,
    ) -> Result<Listing<Value>, Failure> {
        let key = self.key(shares, hive, path).await?;
        let (mut items, mut index, mut is_short) = (Vec::new(), 0, false);
        let listed = loop {
            if index >= LIST_CAP || stop() {
                break Ok(true);
            }
            match self.enum_value(shares, &key, index).await {
                Ok(Some(value)) => items.push(value),
                // Longer than is looked at, as no value that is asked for should be.
                Err(Failure::Service(Win32::MORE_DATA)) => is_short = true,
                Ok(None) => break Ok(is_short),
                Err(error) => break Err(error),
            }
            index += 1;
        };
        self.close_key(shares, &key, &listed).await?;
        Ok(Listing { items, cut: listed? })
    }

    /// Whether there may be a next question depends on whether the connection still is there.
    async fn close_key(
        &mut self,
        shares: &mut Shares,
        key: &Handle,
        listed: &Result<bool, Failure>,
    ) -> Result<(), Failure> {
        if matches!(listed, Err(Failure::Broken(_))) {
            return Ok(());
        }
        self.pipe.call(shares, CLOSE_KEY, Arguments::default().handle(key)).await.map(drop)
    }

    async fn key(&mut self, shares: &mut Shares, hive: Hive, path: &str) -> Result<Handle, Failure> {
        let root = match (hive, self.users) {
            (Hive::Machine, _) => self.machine,
            (Hive::Users, Some(users)) => users,
            (Hive::Users, None) => {
                let users = root(&mut self.pipe, shares, OPEN_USERS).await?;
                *self.users.insert(users)
            }
        };
        let (stub, code) = self.pipe.call(shares, OPEN_KEY, open_key(&root, path)).await?;
        done(code)?;
        Ok(Results::new(&stub).handle()?)
    }

    async fn enum_key(
        &mut self,
        shares: &mut Shares,
        key: &Handle,
        index: u32,
    ) -> Result<Option<String>, Failure> {
        let arguments = Arguments::default().handle(key).u32(index);
        let arguments = arguments.u16(0).u16(KEY_NAME).pointer().room(u32::from(KEY_NAME) / 2);
        // A class that is not wanted, and the time of the last change, which has to be asked for.
        let arguments = arguments.pointer().u16(0).u16(0).null().pointer().u32(0).u32(0);
        let (stub, code) = self.pipe.call(shares, ENUM_KEY, arguments).await?;
        if code == Win32::NO_MORE_ITEMS {
            return Ok(None);
        }
        done(code)?;
        Ok(Some(key_name(&stub)?))
    }

    async fn enum_value(
        &mut self,
        shares: &mut Shares,
        key: &Handle,
        index: u32,
    ) -> Result<Option<Value>, Failure> {
        let arguments = Arguments::default().handle(key).u32(index);
        let arguments = arguments.u16(0).u16(VALUE_NAME).pointer().room(u32::from(VALUE_NAME) / 2);
        // Its type, room for its bytes, how much room there is, and how much of it is used.
        let arguments = arguments.pointer().u32(0).pointer().room(VALUE_CAP);
        let arguments = arguments.pointer().u32(VALUE_CAP).pointer().u32(0);
        let (stub, code) = self.pipe.call(shares, ENUM_VALUE, arguments).await?;
        if code == Win32::NO_MORE_ITEMS {
            return Ok(None);
        }
        done(code)?;
        Ok(Some(value(&stub)?))
    }
}

async fn root(pipe: &mut Pipe, shares: &mut Shares, number: u16) -> Result<Handle, Failure> {
    let (stub, code) = pipe.call(shares, number, Arguments::default().null().u32(READ)).await?;
    done(code)?;
    Ok(Results::new(&stub).handle()?)
}

fn open_key(above: &Handle, path: &str) -> Arguments {
    let bytes = u16::try_from((path.encode_utf16().count() + 1) * 2).unwrap_or(u16::MAX - 1);
    let arguments = Arguments::default().handle(above).u16(bytes).u16(bytes).pointer().string(path);
    arguments.u32(0).u32(READ)
}

fn done(code: Win32) -> Result<(), Failure> {
    if code == Win32(0) { Ok(()) } else { Err(Failure::Service(code)) }
}

/// The name in what listing a key comes to.
pub(super) fn key_name(stub: &[u8]) -> Result<String, Malformed> {
    let mut results = Results::new(stub);
    let (_, _, has_name) = (results.u16()?, results.u16()?, results.pointer()?);
    if has_name { results.string() } else { Err(Malformed("a key has no name")) }
}

/// The value in what listing a value comes to.
pub(super) fn value(stub: &[u8]) -> Result<Value, Malformed> {
    let mut results = Results::new(stub);
    let (length, _, has_name) = (results.u16()?, results.u16()?, results.pointer()?);
    let name = if has_name { results.array(2)? } else { &[] };
    let name = text(name.get(..length.into()).unwrap_or(name));
    let name = name.strip_suffix('\0').unwrap_or(&name).to_owned();
    let kind = if results.pointer()? { results.u32()? } else { 0 };
    let bytes = if results.pointer()? { results.array(1)? } else { &[] };
    Ok(Value { name, kind, bytes: bytes[..bytes.len().min(VALUE_CAP as usize)].to_vec() })
}
