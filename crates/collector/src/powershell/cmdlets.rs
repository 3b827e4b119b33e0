//! The list of cmdlets.

use std::collections::BTreeMap;
use std::sync::LazyLock;

/// Parameters that every cmdlet has (about_CommonParameters), as far as they are used.
const COMMON: [&str; 4] = ["ErrorAction", "ErrorVariable", "WarningAction", "OutVariable"];

/// A cmdlet, by its parameters.
pub(super) struct Cmdlet {
    parameters: BTreeMap<&'static str, bool>,
}

/// What a parameter is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Parameter {
    /// It takes a value.
    Value,
    /// It takes none.
    Switch,
}

impl Cmdlet {
    /// By its exact name.
    pub(super) fn find(name: &str) -> Option<&'static Self> {
        CMDLETS.get(name)
    }

    /// What one of its parameters is, by the exact name.
    pub(super) fn parameter(&self, name: &str) -> Option<Parameter> {
        if COMMON.contains(&name) {
            return Some(Parameter::Value);
        }
        self.parameters.get(name).map(|switch| if *switch { Parameter::Switch } else { Parameter::Value })
    }
}

static CMDLETS: LazyLock<BTreeMap<&'static str, Cmdlet>> = LazyLock::new(|| {
    let modules: BTreeMap<String, BTreeMap<String, String>> =
        toml::from_str(include_str!("cmdlets.toml")).expect("a list of cmdlets");
    let mut all = BTreeMap::new();
    for (name, parameters) in modules.into_values().flatten().filter(|(name, _)| name != "documented") {
        let parameters: &'static str = parameters.leak();
        let each = parameters.split(' ').map(|name| (name.trim_end_matches('?'), name.ends_with('?')));
        all.insert(&*name.leak(), Cmdlet { parameters: each.collect() });
    }
    all
});

#[test]
fn the_list_says_what_is_a_switch_and_where_it_is_from() {
    let item = Cmdlet::find("Get-Item").unwrap();
    assert_eq!(item.parameter("LiteralPath"), Some(Parameter::Value));
    assert_eq!(item.parameter("Force"), Some(Parameter::Switch));
    assert_eq!(item.parameter("Stream"), Some(Parameter::Value));
    assert_eq!((item.parameter("literalpath"), item.parameter("Lit")), (None, None), "none is shortened");
    for unwanted in ["Invoke-Expression", "Add-Type", "Start-Process", "Invoke-Command", "gci", "documented"]
    {
        assert!(Cmdlet::find(unwanted).is_none(), "{unwanted}");
    }
    for module in include_str!("cmdlets.toml").split("\n[").skip(1) {
        assert!(
            module.contains("documented = \"reference/5.1/") || module.contains("documented = \"docset/")
        );
    }
}
