//! Who was contacted, by whom, and when.

use std::collections::HashMap;
use std::net::Ipv4Addr;

use super::{Court, Invariant, when};
use crate::history::{CaseNo, Fact, Moment, Writer};
use crate::world::may_be_contacted;

/// A contact that is going on.
struct Going {
    contact: u32,
    case: CaseNo,
    by: Writer,
    /// When its case took or renewed the claim on the address.
    claimed: Moment,
    since: Moment,
}

impl Court<'_> {
    /// Whether another case may be in contact with the machine too: this one's worker was stopped for so long that its
    /// claim went to another, or an operator gave that up.
    fn has_cause(&self, one: &Going, key: &str, at: Moment) -> bool {
        self.stopped_for_long(one.by, one.claimed, at) || self.given_up_by_hand(key, one.claimed, at)
    }

    pub(super) fn contacts(&mut self) {
        let mut going: HashMap<Ipv4Addr, Vec<Going>> = HashMap::new();
        let mut took: HashMap<(CaseNo, &str), Moment> = HashMap::new();
        let mut at_ip: HashMap<u32, Ipv4Addr> = HashMap::new();
        let record = self.record;
        for (at, fact) in &record.history.facts {
            match fact {
                Fact::Took { key, case, by } => {
                    took.insert((*case, key), self.decided(*by, *at));
                }
                Fact::ContactBegan { contact, case, ip, what, by, .. } => {
                    if !may_be_contacted(*ip) {
                        let facts = vec![format!("{}: {} contacts {ip}", when(*at), self.id(*case))];
                        self.convict(Invariant::OutOfScope, facts);
                    }
                    let others = going.entry(*ip).or_default();
                    let key = format!("ip#{ip}");
                    let claimed = took.get(&(*case, key.as_str())).copied().unwrap_or(*at);
                    let one = Going { contact: *contact, case: *case, by: *by, claimed, since: *at };
                    let excused = |one: &Going| self.has_cause(one, &key, *at);
                    let other = others.iter().find(|other| other.case != *case);
                    let other = other.filter(|other| !excused(&one) && !excused(other));
                    let other = other.map(|other| (other.case, other.since));
                    others.push(one);
                    at_ip.insert(*contact, *ip);
                    if let Some((other, since)) = other {
                        let facts = vec![
                            format!("{} is in contact with {ip} since {}", self.id(other), when(since)),
                            format!("{} begins to {what:?} {ip} {}", self.id(*case), when(*at)),
                        ];
                        self.convict(Invariant::TwoContacts, facts);
                    }
                }
                Fact::ContactEnded { contact } => {
                    if let Some(going) = at_ip.remove(contact).and_then(|ip| going.get_mut(&ip)) {
                        going.retain(|other| other.contact != *contact);
                    }
                }
                _ => {}
            }
        }
    }
}
