//! What comes back by itself: tasks, services, drivers and modules, the registry, WMI, transfers.

use std::cmp::Reverse;

use super::super::table::Set;
use super::{Head, Lists, badges};
use crate::evidence::{
    ArtifactKind, AutostartEntry, KernelModule, ScheduledTask, Service, TransferJob, WmiSubscription,
};

const TASKS: &[(&str, Set)] = &[
    ("File", Set::Code),
    ("By", Set::Text),
    ("Owner", Set::Text),
    ("Written (UTC)", Set::Code),
    ("What it says", Set::Code),
];
const SERVICES: &[(&str, Set)] = &[
    ("Service", Set::Code),
    ("Signature", Set::Text),
    ("Starts", Set::Word),
    ("State", Set::Text),
    ("Account", Set::Text),
    ("What it runs", Set::Code),
];
const MODULES: &[(&str, Set)] = &[
    ("Module", Set::Code),
    ("Mark", Set::Text),
    ("Taints by", Set::Text),
    ("State", Set::Text),
    ("Used by", Set::Text),
];
const DRIVERS: &[(&str, Set)] = &[
    ("Driver", Set::Code),
    ("Mark", Set::Text),
    ("Signature", Set::Text),
    ("Starts", Set::Word),
    ("State", Set::Text),
    ("Image", Set::Code),
];
const REGISTRY: &[(&str, Set)] = &[
    ("By", Set::Text),
    ("Name", Set::Code),
    ("What it loads", Set::Code),
    ("Account", Set::Text),
    ("Key", Set::Code),
];
const WMI: &[(&str, Set)] = &[
    ("What", Set::Word),
    ("Name", Set::Code),
    ("Class", Set::Text),
    ("What it says", Set::Code),
    ("Made by", Set::Code),
    ("Namespace", Set::Code),
];
const TRANSFERS: &[(&str, Set)] = &[
    ("Name", Set::Text),
    ("Runs when done", Set::Code),
    ("From", Set::Code),
    ("To", Set::Code),
    ("Owner", Set::Text),
    ("State", Set::Text),
    ("At (UTC)", Set::Code),
];

/// How much a signature leaves open: none that is good first, then what nobody could check.
fn doubt(signature: Option<&str>) -> u8 {
    match signature {
        Some("Valid") => 2,
        Some(_) => 0,
        None => 1,
    }
}

/// Starts without anybody doing anything.
fn starts_itself(start: Option<&str>) -> bool {
    matches!(start, Some("boot" | "system" | "auto"))
}

impl Lists<'_, '_> {
    pub(super) fn tasks(&mut self, rows: Option<&[ScheduledTask]>) {
        let head = Head {
            kind: ArtifactKind::ScheduledTasks,
            heading: "What runs at its time",
            columns: TASKS,
            order: "what hides first, then the latest",
        };
        self.list(
            &head,
            rows,
            |task| (!task.hidden && task.only_in.is_none(), Reverse(task.modified_at)),
            |row, task| {
                row.cell(|page| {
                    page.outside(&task.path);
                    badges(
                        page,
                        &[
                            (task.hidden, "badge bad", "hidden"),
                            (task.only_in.is_some(), "badge bad", "not listed"),
                        ],
                    );
                });
                row.outside(&task.mechanism);
                row.maybe(task.owner.as_deref().or(task.run_as.as_deref()));
                row.time(task.modified_at);
                row.cell(|page| {
                    // A task of Windows is a page of XML: what it runs, and when, says as much.
                    for said in task.actions.iter().chain(&task.triggers).take(20) {
                        page.tag("div", &[], |page| page.outside(said));
                    }
                    if task.actions.is_empty() {
                        match &task.content {
                            Some(content) => page.outside(content),
                            None => page.say("span", &[("class", "muted")], "–"),
                        }
                    }
                    if task.cut {
                        page.say("span", &[("class", "badge doubt")], "✂ cut");
                    }
                });
            },
        );
    }

    pub(super) fn services(&mut self, rows: Option<&[Service]>) {
        let head = Head {
            kind: ArtifactKind::Services,
            heading: "Services",
            columns: SERVICES,
            order: "those without a good signature first, and of them what starts by itself",
        };
        let order = |service: &Service| {
            (doubt(service.signature.as_deref()), !starts_itself(service.start.as_deref()))
        };
        self.list(&head, rows, order, |row, service| {
            row.outside(&service.name);
            row.signature(service.signature.as_deref(), service.signer.as_deref());
            row.maybe(service.start.as_deref());
            row.maybe(service.state.as_deref());
            row.maybe(service.account.as_deref());
            // The library is what a host runs: the command line alone is svchost.exe's.
            let runs = service.library.as_deref().or(service.command.as_deref()).or(service.path.as_deref());
            row.file(runs, service.sha256.as_deref());
        });
    }

    /// Modules of a kernel, or drivers: of those the system says who signed them.
    pub(super) fn modules(&mut self, rows: Option<&[KernelModule]>) {
        if let Some(rows) = rows
            && rows.iter().any(|module| module.start.is_some() || module.path.is_some())
        {
            return self.drivers(rows);
        }
        let head = Head {
            kind: ArtifactKind::KernelModules,
            heading: "Modules of the kernel",
            columns: MODULES,
            order: "those that hide first, then those that taint it",
        };
        let order = |module: &KernelModule| {
            (module.only_in.is_none(), module.taint.as_deref().is_none_or(str::is_empty))
        };
        self.list(&head, rows, order, |row, module| {
            row.outside(&module.name);
            row.only_in(module.only_in.as_deref());
            row.maybe(module.taint.as_deref());
            row.outside(&module.state);
            row.maybe(Some(&module.used_by.join(", ")));
        });
    }

    fn drivers(&mut self, rows: &[KernelModule]) {
        let head = Head {
            kind: ArtifactKind::KernelModules,
            heading: "Drivers",
            columns: DRIVERS,
            order: "those that hide first, then those without a good signature",
        };
        let order = |driver: &KernelModule| (driver.only_in.is_none(), doubt(driver.signature.as_deref()));
        self.list(&head, Some(rows), order, |row, driver| {
            row.outside(&driver.name);
            row.only_in(driver.only_in.as_deref());
            row.signature(driver.signature.as_deref(), driver.signer.as_deref());
            row.maybe(driver.start.as_deref());
            row.outside(&driver.state);
            row.file(driver.path.as_deref(), driver.sha256.as_deref());
        });
    }

    pub(super) fn registry(&mut self, rows: Option<&[AutostartEntry]>) {
        let head = Head {
            kind: ArtifactKind::RegistryPersistence,
            heading: "Other spots of the registry that load something",
            columns: REGISTRY,
            order: "those of single users first, then by kind",
        };
        let order = |entry: &AutostartEntry| (entry.user.is_none(), entry.mechanism.clone());
        self.list(&head, rows, order, |row, entry| {
            row.outside(&entry.mechanism);
            row.outside(&entry.name);
            row.maybe(entry.command.as_deref());
            row.maybe(entry.user.as_deref());
            row.outside(&entry.location);
        });
    }

    pub(super) fn wmi(&mut self, rows: Option<&[WmiSubscription]>) {
        let head = Head {
            kind: ArtifactKind::WmiSubscriptions,
            heading: "What WMI does by itself",
            columns: WMI,
            order: "consumers that run something first, then the other consumers, filters and bindings",
        };
        let rank = |part: &WmiSubscription| match (part.kind.as_str(), part.class.as_deref()) {
            ("consumer", Some("CommandLineEventConsumer" | "ActiveScriptEventConsumer")) => 0,
            ("consumer", _) => 1,
            ("filter", _) => 2,
            _ => 3,
        };
        self.list(&head, rows, rank, |row, part| {
            row.outside(&part.kind);
            row.outside(&part.name);
            row.maybe(part.class.as_deref());
            row.maybe(part.text.as_deref());
            row.maybe(part.creator.as_deref());
            row.outside(&part.namespace);
        });
    }

    pub(super) fn transfers(&mut self, rows: Option<&[TransferJob]>) {
        let head = Head {
            kind: ArtifactKind::TransferJobs,
            heading: "Transfers in the background",
            columns: TRANSFERS,
            order: "those that run a program first, then the latest",
        };
        let order = |job: &TransferJob| (job.command.is_none(), Reverse(job.at));
        self.list(&head, rows, order, |row, job| {
            row.outside(&job.name);
            row.maybe(job.command.as_deref());
            row.maybe(job.url.as_deref());
            row.maybe(job.path.as_deref());
            row.maybe(job.owner.as_deref());
            // Of one that is over there is only the log's word.
            row.maybe(job.state.as_deref().or((job.kind == "event").then_some("as the log says")));
            row.time(job.at);
        });
    }
}
