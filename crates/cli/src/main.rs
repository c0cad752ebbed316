//! `flux`: ask a live server what it says, and how much it bears, from a terminal.
//!
//! Speaks the published protocol like any other client; it has no door of its own.

use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::{Parser, Subcommand};
use serde_json::Value;

mod client;
mod measure;

use client::Client;

/// Talk to a FluxStack Live server.
#[derive(Parser)]
#[command(version)]
struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Connect and print what the server says first: its version, features and limits.
    Hello {
        /// Such as ws://127.0.0.1:3000/api/live/ws
        url: String,
    },
    /// Mount a component, call one action, print its result and the state after it.
    Call {
        /// Such as ws://127.0.0.1:3000/api/live/ws
        url: String,
        /// The component's name.
        component: String,
        /// The action's name.
        action: String,
        /// Its arguments by name, as JSON.
        #[arg(default_value = "{}", value_parser = json)]
        args: Value,
        /// The component's props, as JSON.
        #[arg(long, default_value = "{}", value_parser = json)]
        props: Value,
    },
    /// Mount a component and print its state, a line for each change, until interrupted.
    Watch {
        /// Such as ws://127.0.0.1:3000/api/live/ws
        url: String,
        /// The component's name.
        component: String,
        /// The component's props, as JSON.
        #[arg(long, default_value = "{}", value_parser = json)]
        props: Value,
        /// Stop after this many changes.
        #[arg(long)]
        changes: Option<u64>,
    },
    /// Load a server of yours, and say how fast it is and whether all it did was right. See docs/load.md.
    Load(Box<measure::Load>),
}

fn json(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|error| format!("not JSON: {error}"))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(Options::parse().command).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("flux: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(command: Command) -> Result<()> {
    match command {
        Command::Load(load) => measure::measure(&load).await?,
        Command::Hello { url } => {
            let client = Client::connect(&url).await?;
            println!("{}", serde_json::to_string_pretty(client.hello())?);
        }
        Command::Call { url, component, action, args, props } => {
            let mut client = Client::connect(&url).await?;
            let mut view = client.mount(&component, props).await?;
            let result = client.call(&mut view, &action, args).await?;
            println!("result {result}");
            println!("state  {}", Value::Object(view.state));
        }
        Command::Watch { url, component, props, changes } => {
            let mut client = Client::connect(&url).await?;
            let mut view = client.mount(&component, props).await?;
            println!("{}", Value::Object(view.state.clone()));
            let mut seen = 0;
            while changes.is_none_or(|changes| seen < changes) {
                let Some(message) = client.next().await? else { bail!("the server closed the connection") };
                if client.paint(&mut view, &message).await? {
                    seen += 1;
                    println!("{}", Value::Object(view.state.clone()));
                }
            }
        }
    }
    Ok(())
}
