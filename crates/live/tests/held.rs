//! How much a client can make the server hold. Alone in its file, because it looks at the whole process.

mod app;

use fluxstack_live::testing::Harness;
use serde_json::json;

#[tokio::test]
async fn a_small_part_of_a_large_frame_does_not_keep_the_frame() {
    let harness = Harness::new(app::live().limits(|limits| limits.rate = 0).build().unwrap());
    let mut client = harness.connect().await;
    let padding = "x".repeat(900_000);
    let long = json!({ "type": "COMPONENT_MOUNT", "payload": { "component": "Worker", "props": { "label": "y".repeat(70_000) } } });
    assert_eq!(client.request(long).await["code"], json!("TOO_LARGE"));
    let before = resident();
    for _ in 0..60 {
        let payload = json!({ "component": "Worker", "props": { "label": "a" } });
        let answer =
            client.request(json!({ "type": "COMPONENT_MOUNT", "payload": payload, "x": padding })).await;
        assert_eq!(answer["success"], json!(true));
    }
    let grown = resident().saturating_sub(before);
    assert!(grown < 20 << 20, "60 instances hold {grown} bytes");
}

/// Resident memory of this process in bytes; 0 where the system does not tell.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next())
        .and_then(|kib| kib.parse::<usize>().ok())
        .unwrap_or(0)
        * 1024
}
