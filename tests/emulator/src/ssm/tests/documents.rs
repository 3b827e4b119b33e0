//! Documents, activations, nodes and tags.

use aws_sdk_ssm::types::{
    DocumentPermissionType, InstanceInformationStringFilter, PingStatus as SdkPing, ResourceTypeForTagging,
    Tag,
};
use serde_json::json;

use super::{Rig, code};
use crate::ssm::schema::document;
use crate::ssm::{Node, Ping};

fn text() -> serde_json::Value {
    json!({"type": "String", "description": "what to do", "default": "nothing"})
}

#[tokio::test]
async fn a_document_is_made_read_updated_and_deleted() {
    let rig = Rig::start();
    let (first, second) = (document(&text(), &["true"]), document(&text(), &["false"]));
    rig.create("Run", &first).await;
    let again = rig.client.create_document().name("Run").content(&first).document_type("Command".into());
    assert_eq!(code(again.send().await), "DocumentAlreadyExists");

    let described = rig.client.describe_document().name("Run").send().await.expect("a description");
    let described = described.document().expect("a document");
    assert_eq!(described.schema_version(), Some("2.2"));
    assert_eq!(described.parameters()[0].default_value(), Some("nothing"));
    assert_eq!(described.platform_types().iter().map(|kind| kind.as_str()).collect::<Vec<_>>(), ["Linux"]);
    assert_eq!(described.hash().map(str::len), Some(64));

    let same = rig.client.update_document().name("Run").content(&first).document_version("$LATEST");
    assert_eq!(code(same.send().await), "DuplicateDocumentContent");
    let update = rig.client.update_document().name("Run").content(&second).document_version("$LATEST");
    let updated = update.send().await.expect("an update");
    assert_eq!(updated.document_description().and_then(|told| told.latest_version()), Some("2"));
    let content = async || {
        let got = rig.client.get_document().name("Run").send().await.expect("a document");
        got.content().unwrap_or_default().to_owned()
    };
    assert_eq!(content().await, first, "the default version stays until it is changed");
    let default = rig.client.update_document_default_version().name("Run").document_version("2");
    default.send().await.expect("a default");
    assert_eq!(content().await, second);
    let beyond = rig.client.get_document().name("Run").document_version("3").send().await;
    assert_eq!(code(beyond), "InvalidDocumentVersion");

    let share = rig.client.describe_document_permission().name("Run");
    let share = share.permission_type(DocumentPermissionType::Share).send().await.expect("permissions");
    assert!(share.account_ids().is_empty());
    rig.client.delete_document().name("Run").send().await.expect("a deletion");
    assert_eq!(code(rig.client.get_document().name("Run").send().await), "InvalidDocument");
}

#[tokio::test]
async fn documents_that_the_service_would_not_take_are_refused() {
    let rig = Rig::start();
    let good = document(&text(), &["true"]);
    let create = async |name: &str, content: &str| {
        let request = rig.client.create_document().name(name).content(content);
        code(request.document_type("Command".into()).send().await)
    };
    assert_eq!(create("AWS-Run", &good).await, "ValidationException");
    assert_eq!(create("a/b c", &good).await, "ValidationException");
    assert_eq!(create("Run", &good.replace("2.2", "2.3")).await, "InvalidDocumentContent");
    let long = document(&text(), &[&"x".repeat(65 << 10)]);
    assert_eq!(create("Run", &long).await, "MaxDocumentSizeExceeded");
}

#[tokio::test]
async fn nodes_are_found_by_tag_and_state_in_pages() {
    let rig = Rig::start();
    for number in 0..11 {
        let node =
            Node::new(&format!("other-{number}"), rig.folder.path()).tag("PeerhoundRelay", "headquarters");
        rig.server.register(node).expect("a node");
    }
    let filter = |key: &str, value: &str| {
        InstanceInformationStringFilter::builder().key(key).values(value).build().expect("a filter")
    };
    let find = async |filters: Vec<InstanceInformationStringFilter>| {
        let pages = rig.client.describe_instance_information().set_filters(Some(filters)).max_results(5);
        let mut pages = pages.into_paginator().items().send();
        let mut found = Vec::new();
        while let Some(node) = pages.next().await {
            found.push(node.expect("a node"));
        }
        found
    };
    assert_eq!(find(vec![filter("tag:PeerhoundRelay", "headquarters")]).await.len(), 11);
    let ours = find(vec![filter("tag:PeerhoundRelay", "branch")]).await;
    assert_eq!(ours[0].instance_id(), Some(rig.node.as_str()));
    assert_eq!(ours[0].ping_status(), Some(&SdkPing::Online));

    rig.server.set_ping(&rig.node, Ping::ConnectionLost);
    let lost = find(vec![filter("InstanceIds", &rig.node)]).await;
    assert_eq!(lost[0].ping_status(), Some(&SdkPing::ConnectionLost));
    let online = vec![filter("tag:PeerhoundRelay", "branch"), filter("PingStatus", "Online")];
    assert!(find(online).await.is_empty());
    assert!(find(vec![filter("tag:PeerhoundRelay", "nowhere")]).await.is_empty());

    let ask = |filter| rig.client.describe_instance_information().filters(filter).send();
    assert_eq!(code(ask(filter("Tag", "x")).await), "InvalidFilterKey");
    assert_eq!(code(ask(filter("PingStatus", "Offline")).await), "InvalidInstanceInformationFilterValue");
    let few = rig.client.describe_instance_information().max_results(4).send().await;
    assert_eq!(code(few), "ValidationException");
}

#[tokio::test]
async fn an_activation_lets_so_many_nodes_in_and_tags_them() {
    let rig = Rig::start();
    let tag = Tag::builder().key("PeerhoundRelay").value("plant").build().expect("a tag");
    let create = rig.client.create_activation().iam_role("service-role/relay").registration_limit(1);
    let activation = create.default_instance_name("plant-1").tags(tag).send().await.expect("an activation");
    let (id, secret) =
        (activation.activation_id().expect("an id"), activation.activation_code().expect("a code"));

    let node = || Node::new("x", rig.folder.path());
    assert!(rig.server.register_with_activation(node(), id, "wrong").is_err());
    let registered = rig.server.register_with_activation(node(), id, secret).expect("a node");
    assert!(rig.server.register_with_activation(node(), id, secret).is_err(), "the limit is one");
    let tags = rig.client.list_tags_for_resource().resource_id(&registered);
    let tags = tags.resource_type(ResourceTypeForTagging::ManagedInstance).send().await.expect("tags");
    assert_eq!(tags.tag_list()[0].value(), "plant");

    let listed = rig.client.describe_activations().send().await.expect("activations");
    assert_eq!(listed.activation_list()[0].registrations_count(), Some(1));
    rig.client.delete_activation().activation_id(id).send().await.expect("a deletion");
    assert!(
        rig.client.describe_activations().send().await.expect("activations").activation_list().is_empty()
    );
    assert_eq!(code(rig.client.delete_activation().activation_id(id).send().await), "InvalidActivation");
}

#[test]
fn a_node_that_could_not_be_is_not_registered() {
    let rig = Rig::start();
    let with = |id: &str, folder: &std::path::Path| {
        let mut node = Node::new("x", folder);
        node.id = id.to_owned();
        rig.server.register(node)
    };
    assert!(with("i-0123456789abcdef0", rig.folder.path()).is_err());
    assert!(with(&rig.node, rig.folder.path()).is_err(), "taken");
    assert!(with("mi-0123456789abcdef0", &rig.folder.path().join("missing")).is_err());
    assert!(with("mi-0123456789abcdef0", rig.folder.path()).is_ok());
}
