//! Who was contacted, by whom, and when.

use std::collections::HashMap;
use std::net::Ipv4Addr;

use super::{Court, Invariant, when};
use crate::history::{CaseNo, Fact, Moment};
use crate::world::may_be_contacted;

impl Court<'_> {
    pub(super) fn contacts(&mut self) {
        let mut going: HashMap<Ipv4Addr, Vec<(u32, CaseNo, Moment)>> = HashMap::new();
        let mut at_ip: HashMap<u32, Ipv4Addr> = HashMap::new();
        let record = self.record;
        for (at, fact) in &record.history.facts {
            match fact {
                Fact::ContactBegan { contact, case, ip, what, .. } => {
                    if !may_be_contacted(*ip) {
                        let facts = vec![format!("{}: {} contacts {ip}", when(*at), self.id(*case))];
                        self.convict(Invariant::OutOfScope, facts);
                    }
                    let others = going.entry(*ip).or_default();
                    let other = others.iter().find(|(_, other, _)| other != case).copied();
                    others.push((*contact, *case, *at));
                    at_ip.insert(*contact, *ip);
                    if let Some((_, other, since)) = other {
                        let facts = vec![
                            format!("{} is in contact with {ip} since {}", self.id(other), when(since)),
                            format!("{} begins to {what:?} {ip} {}", self.id(*case), when(*at)),
                        ];
                        self.convict(Invariant::TwoContacts, facts);
                    }
                }
                Fact::ContactEnded { contact } => {
                    if let Some(going) = at_ip.remove(contact).and_then(|ip| going.get_mut(&ip)) {
                        going.retain(|(other, ..)| other != contact);
                    }
                }
                _ => {}
            }
        }
    }
}
