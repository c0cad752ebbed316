//! From a message to the mailbox it is for: the only place where an id becomes an instance.
//!
//! Every request gets its [`Ticket`] here, before anything can go wrong with it.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use fluxstack_live_protocol::upload::UploadChunk;
use fluxstack_live_protocol::{
    ClientBody, ClientMessage, Code, InstanceId, Raw, ReplyKind, ServerMessage, SessionId, legacy,
};

use super::come_back::{not_found, speaks};
use super::{Host, Session};
use crate::auth::Caller;
use crate::clock;
use crate::component::Nameplate;
use crate::error::Error;
use crate::instance::{Begin, First, Mount, Ownership};
use crate::mailbox::{LARGE, Mail, Mailbox, RoomAsk, Undelivered, Was, Words, mailbox};
use crate::outbox::{Subject, Ticket, gone};
use crate::registry::Registration;
use crate::rooms::Wanted;

impl Session {
    /// The duty to answer a message, taken before anything can go wrong with it.
    pub(super) fn ticket(&self, frame: &Bytes, message: &mut ClientMessage<'_>) -> Ticket {
        self.ticket_of(frame, message, instance_of(message))
    }

    /// The same, where it is known which instance the message names.
    fn ticket_of(&self, frame: &Bytes, message: &mut ClientMessage<'_>, id: Option<InstanceId>) -> Ticket {
        let call = message.call.take();
        let ClientMessage { request_id, expect_response, component_id, acked, optimistic, body, .. } =
            &*message;
        let is_legacy = self.arrival.dialect.is_legacy();
        let kind = match body {
            ClientBody::Mount { .. } => ReplyKind::Mount,
            ClientBody::ResumeSession { .. } => ReplyKind::ResumeSession,
            ClientBody::Resume(_) => ReplyKind::Resume,
            ClientBody::Unmount => ReplyKind::Unmount,
            ClientBody::Call { .. } if is_legacy && !expect_response => ReplyKind::QuietCall,
            ClientBody::Call { .. } => ReplyKind::Call,
            ClientBody::Write { .. } => ReplyKind::Write,
            ClientBody::Props { .. } => ReplyKind::Props,
            ClientBody::Event { .. } => ReplyKind::Event,
            ClientBody::ReadList { .. } => ReplyKind::ReadList,
            ClientBody::Resync | ClientBody::Ping => ReplyKind::Resync,
            ClientBody::Auth { .. } => ReplyKind::Auth,
            ClientBody::Quiet { .. } => ReplyKind::Quiet,
            ClientBody::Batch { .. } => ReplyKind::Batch,
            ClientBody::JoinRoom { .. } => ReplyKind::JoinRoom,
            ClientBody::LeaveRoom { .. } => ReplyKind::LeaveRoom,
            ClientBody::EmitRoom { .. } => ReplyKind::EmitRoom,
            ClientBody::SetRoomState { .. } => ReplyKind::SetRoomState,
            ClientBody::GetRoomState { .. } => ReplyKind::GetRoomState,
            ClientBody::UploadStart(_) => ReplyKind::UploadStart,
            ClientBody::UploadChunk(_) => ReplyKind::UploadChunk,
            ClientBody::UploadComplete { .. } => ReplyKind::UploadComplete,
            ClientBody::UploadCancel { .. } => ReplyKind::UploadCancel,
        };
        let about = match body {
            ClientBody::Call { action: about, .. }
            | ClientBody::JoinRoom { room: about, .. }
            | ClientBody::LeaveRoom { room: about }
            | ClientBody::EmitRoom { room: about, .. }
            | ClientBody::SetRoomState { room: about, .. }
            | ClientBody::GetRoomState { room: about }
                if is_legacy =>
            {
                Some(piece(frame, about))
            }
            ClientBody::UploadStart(start) => Some(piece(frame, &start.upload)),
            ClientBody::UploadChunk(chunk) => Some(piece(frame, &chunk.upload)),
            ClientBody::UploadComplete { upload, .. } | ClientBody::UploadCancel { upload } => {
                Some(piece(frame, upload))
            }
            _ => None,
        };
        let subject = match (body, id) {
            (ClientBody::Batch { calls, .. }, _) => super::batch::subject(calls),
            // What is said of chunks waits for no state.
            (ClientBody::Mount { .. } | ClientBody::UploadChunk(_), _) | (_, None) => {
                component_id.as_deref().map_or(Subject::None, |id| Subject::Named(id.into()))
            }
            (_, Some(instance)) => Subject::Instance(instance),
        };
        let bytes = match body {
            ClientBody::Mount { props: raw, .. }
            | ClientBody::Call { args: raw, .. }
            | ClientBody::Write { value: raw, .. }
            | ClientBody::Props { props: raw }
            | ClientBody::Auth { credentials: raw }
            | ClientBody::JoinRoom { initial: raw, .. } => raw.map_or(0, |raw| raw.get().len()),
            ClientBody::Resume(resume) => {
                let props = resume.props.map_or(0, |raw| raw.get().len());
                resume.snapshot.as_ref().map_or(0, |snapshot| snapshot.len()) + props
            }
            ClientBody::Event { event } => event.get().len(),
            ClientBody::Batch { calls, .. } => {
                calls.iter().map(|call| call.args.map_or(0, |raw| raw.get().len())).sum()
            }
            ClientBody::EmitRoom { event, .. } => event.len(),
            ClientBody::SetRoomState { patch, .. } => patch.get().len(),
            ClientBody::UploadChunk(chunk) => chunk.bytes.len(),
            ClientBody::LeaveRoom { .. }
            | ClientBody::GetRoomState { .. }
            | ClientBody::ResumeSession { .. }
            | ClientBody::Unmount
            | ClientBody::ReadList { .. }
            | ClientBody::Resync
            | ClientBody::Ping
            | ClientBody::Quiet { .. }
            | ClientBody::UploadStart(_)
            | ClientBody::UploadComplete { .. }
            | ClientBody::UploadCancel { .. } => 0,
        };
        let request_id = request_id.map(Raw::get);
        // Whoever is signed in is only looked up for the one answer that says so.
        let user = (kind == ReplyKind::Auth).then(|| self.user()).flatten();
        Ticket::new(&self.outbox, kind, subject, request_id, about, bytes)
            .of_call(call, *acked)
            .shown_already(*optimistic && matches!(kind, ReplyKind::Call | ReplyKind::Write))
            .of_user(user)
    }

    pub(super) fn take(&mut self, frame: &Bytes, mut message: ClientMessage<'_>) {
        if matches!(message.body, ClientBody::Ping) {
            let request_id = message.request_id.map(fluxstack_live_protocol::Raw::get);
            return self.pong(message.component_id.as_deref(), request_id);
        }
        if let ClientBody::Quiet { on } = message.body {
            // Like a ping, and for the same reason: a client with many open requests may still look away.
            self.outbox.set_quiet(on);
            return self.ticket(frame, &mut message).answer(Ok(None));
        }
        let limits = &self.host.limits;
        let most = match message.body {
            // The ways out of trouble are open while there is trouble. The first is bounded by what is mounted.
            ClientBody::Unmount => usize::MAX,
            ClientBody::Resync => limits.calls.saturating_mul(2),
            _ => limits.calls,
        };
        let open = self.outbox.open_calls();
        let id = instance_of(&message);
        let ticket = self.ticket_of(frame, &mut message, id);
        if open.saturating_add(calls(&message.body)) > most {
            let said = format!("at most {most} requests may be waiting for their answer");
            return ticket.answer(Err(Error::new(Code::TooManyCalls, said)));
        }
        let ClientMessage { component_id, body, .. } = message;
        let is_legacy = self.arrival.dialect.is_legacy();
        match body {
            ClientBody::Mount { component, props, schema } => {
                let props = props.map(|raw| Bytes::copy_from_slice(raw.get().as_bytes()));
                self.mount(&component, component_id.as_deref().unwrap_or_default(), props, schema, ticket);
            }
            ClientBody::Resume(resume) => {
                self.resume_instance(component_id.as_deref().unwrap_or_default(), &resume, ticket);
            }
            ClientBody::Unmount => {
                // The same answer whether it was ours, is gone or never was: no oracle.
                let Some(mailbox) = id.and_then(|id| self.let_go(id)) else {
                    return ticket.answer(Ok(None));
                };
                let mail = Mail::Leave { session: self.session, ticket: Some(ticket) };
                // If it is gone already, the ticket comes back and says so as it is dropped.
                drop(mailbox.insist(mail));
            }
            ClientBody::Batch { calls, atomic } if !is_legacy => self.call_all(frame, calls, atomic, ticket),
            ClientBody::Batch { .. } => {
                ticket.answer(Err(Error::new(Code::UnknownType, "Unknown message type")));
            }
            ClientBody::UploadStart(start) => self.start_upload(id, component_id.as_deref(), *start, ticket),
            ClientBody::UploadChunk(UploadChunk { upload, at, total, bytes }) => {
                self.send_chunk(id, &upload, at, total, bytes.into_owned().into(), ticket);
            }
            ClientBody::UploadComplete { upload, hash } => self.complete_upload(id, &upload, hash, ticket),
            ClientBody::UploadCancel { upload } => {
                self.cancel_upload(id, component_id.as_deref(), &upload, ticket);
            }
            body => {
                let mailbox = id.and_then(|id| self.mailbox(id));
                let Some(mailbox) = mailbox else {
                    return ticket.answer(Err(gone(component_id.as_deref().unwrap_or_default())));
                };
                deliver(mailbox, mail(frame, body, &self.caller, is_legacy, ticket));
            }
        }
    }

    fn pong(&self, component_id: Option<&str>, request_id: Option<&str>) {
        let alive = |id: &str| {
            let mailbox = id.parse().ok().and_then(|id: InstanceId| self.mailbox(id));
            mailbox.is_some_and(|mailbox| !mailbox.is_closed())
        };
        let mut frame = Vec::with_capacity(96);
        ServerMessage::Pong { component_id, request_id, success: component_id.is_none_or(alive) }
            .write(clock::now(), &mut frame);
        self.outbox.push_pong(frame);
    }

    fn mount(&mut self, name: &str, component_id: &str, props: Option<Bytes>, schema: u32, ticket: Ticket) {
        let is_legacy = self.arrival.dialect.is_legacy();
        let registry = &self.host.registry;
        let found = registry.get(name).or_else(|| {
            let mut spellings = is_legacy.then(|| legacy::spellings(name)).into_iter().flatten();
            spellings.find_map(|name| registry.get(&name))
        });
        let Some(registration) = found.copied() else {
            return ticket.answer(Err(not_found(name)));
        };
        // An older client knows of no versions, and gets what there is.
        let is_outdated = match speaks(&registration, if is_legacy { registration.version } else { schema }) {
            Ok(is_outdated) => is_outdated,
            Err(error) => return ticket.answer(Err(error)),
        };
        let limits = &self.host.limits;
        if props.as_ref().is_some_and(|props| props.len() > limits.props) {
            let said = format!(
                "the props are {} bytes, at most {} are allowed",
                props.map_or(0, |props| props.len()),
                limits.props
            );
            return ticket.answer(Err(Error::new(Code::TooLarge, said)));
        }
        match (registration.scope)(props.as_deref()) {
            Ok(Some(key)) => return self.join(&registration, &key, props, None, is_outdated, ticket),
            Ok(None) => {}
            Err(error) => return ticket.answer(Err(error)),
        }
        let id = InstanceId::random();
        self.begin(&registration, id, component_id, Begin::Mount, props, None, is_outdated, ticket);
    }

    /// The way to an instance that this connection has mounted.
    pub(super) fn mailbox(&self, id: InstanceId) -> Option<&Mailbox> {
        self.instances.get(id).or_else(|| self.joined.get(&id).map(|joined| &joined.mailbox))
    }

    /// The instance is not wanted any more: once, of as often as it is mounted. The way to it, if that was the last
    /// time.
    fn let_go(&mut self, id: InstanceId) -> Option<Mailbox> {
        if let Some(joined) = self.joined.get(&id) {
            // Only this session counts up, and the instance takes back what it refused.
            if joined.mounts.load(Ordering::Relaxed) > 1 {
                joined.mounts.fetch_sub(1, Ordering::Relaxed);
                return None;
            }
            return self.joined.remove(&id).map(|joined| joined.mailbox);
        }
        self.instances.remove(id)
    }

    /// Whether one more instance may be mounted.
    pub(super) fn has_room(&mut self) -> Result<(), Error> {
        let limits = &self.host.limits;
        if self.host.tasks.len() >= limits.tasks {
            return Err(Error::new(Code::Busy, "the server has too much to do: try again later"));
        }
        let most = limits.instances;
        if self.instances.len() + self.joined.len() >= most {
            self.instances.forget_closed();
            self.joined
                .retain(|_, joined| !joined.mailbox.is_closed() && joined.mounts.load(Ordering::Relaxed) > 0);
        }
        if self.instances.len() + self.joined.len() >= most {
            let said = format!("{most} components are already mounted on this connection: unmount some");
            return Err(Error::new(Code::TooManyInstances, said));
        }
        Ok(())
    }

    /// Starts an instance, if there is room for one more.
    #[expect(clippy::too_many_arguments, reason = "each is one thing about the instance, and two call it")]
    pub(super) fn begin(
        &mut self,
        registration: &Registration,
        id: InstanceId,
        component_id: &str,
        begin: Begin,
        props: Option<Bytes>,
        was: Option<Was>,
        is_outdated: bool,
        ticket: Ticket,
    ) {
        if let Err(error) = self.has_room() {
            return ticket.answer(Err(error));
        }
        let (mailbox, inbox) =
            mailbox(self.host.mounts.fetch_add(1, Ordering::Relaxed), self.host.limits.mailbox);
        let nameplate = Nameplate {
            instance: id,
            component: registration.name,
            component_id: component_id.into(),
            key: None,
            watches: Arc::clone(&self.host.watches),
        };
        self.instances.insert(id, mailbox.clone());
        let session = self.session;
        let host = Arc::clone(&self.host);
        let live = (registration.run)(Mount {
            nameplate,
            begin,
            owner: Ownership {
                session,
                subject: Arc::clone(&self.subject),
                vault: Arc::clone(&host.vault),
                may_come_back: self.arrival.dialect.resume,
                shared: None,
            },
            is_outdated,
            props,
            services: Arc::clone(&host.services),
            limits: Arc::clone(&host.limits),
            mailbox,
            inbox,
            first: Some(First {
                caller: Arc::clone(&self.caller),
                outbox: Arc::clone(&self.outbox),
                was,
                ticket,
            }),
            rooms: Arc::clone(&host.rooms),
            desk: Arc::clone(&host.desk),
        });
        let ended = Ended { host: Arc::clone(&host), session, instance: id };
        host.tasks.spawn(async move {
            ended.host.unless_killed(live).await;
            drop(ended);
        });
    }
}

/// The instance a message names, whoever has it.
fn instance_of(message: &ClientMessage<'_>) -> Option<InstanceId> {
    message.component_id.as_deref().and_then(|id| id.parse().ok())
}

/// As how many messages, and open requests, it counts.
pub(super) fn calls(body: &ClientBody<'_>) -> usize {
    match body {
        ClientBody::Batch { calls, .. } => calls.len().max(1),
        _ => 1,
    }
}

/// Says that an instance has ended, also if its task panicked or was dropped.
struct Ended {
    host: Arc<Host>,
    session: SessionId,
    instance: InstanceId,
}

impl Drop for Ended {
    fn drop(&mut self) {
        self.host.roster.ended(self.session, self.instance);
    }
}

fn mail(frame: &Bytes, body: ClientBody<'_>, caller: &Arc<Caller>, is_legacy: bool, ticket: Ticket) -> Mail {
    let raw = |raw: Raw<'_>| piece(frame, raw.get());
    let caller = Arc::clone(caller);
    match body {
        ClientBody::Call { action, args } if is_legacy && action == legacy::SET_VALUE => {
            match args.and_then(|args| legacy::set_value(args.get())) {
                Some((key, value)) => {
                    Mail::Write { property: piece(frame, &key), value: piece(frame, value), caller, ticket }
                }
                None => {
                    Mail::Write { property: Bytes::new(), value: Bytes::from_static(b"null"), caller, ticket }
                }
            }
        }
        ClientBody::Call { action, args } => {
            Mail::Call { words: Words::of(frame, &action, args.map_or("", Raw::get)), caller, ticket }
        }
        ClientBody::Write { property, value } => {
            let value = value.map_or_else(|| Bytes::from_static(b"null"), raw);
            Mail::Write { property: piece(frame, &property), value, caller, ticket }
        }
        ClientBody::Props { props } => Mail::Props {
            props: props.map(|raw| Bytes::copy_from_slice(raw.get().as_bytes())),
            caller,
            ticket,
        },
        ClientBody::Event { event } => Mail::Event { event: raw(event), caller, ticket },
        ClientBody::JoinRoom { room, since, history, initial } => {
            let (room, state) = (room.into(), initial.map(raw));
            let ask = Box::new(RoomAsk::Join { room, wanted: Wanted { since, history }, state });
            Mail::Room { ask, caller, ticket }
        }
        ClientBody::LeaveRoom { room } => {
            Mail::Room { ask: Box::new(RoomAsk::Leave { room: room.into() }), caller, ticket }
        }
        ClientBody::EmitRoom { room, event, also_self } => {
            let (room, event) = (room.into(), piece(frame, &event));
            Mail::Room { ask: Box::new(RoomAsk::Emit { room, event, also_self }), caller, ticket }
        }
        ClientBody::SetRoomState { room, patch } => {
            let (room, patch) = (room.into(), raw(patch));
            Mail::Room { ask: Box::new(RoomAsk::SetState { room, patch }), caller, ticket }
        }
        ClientBody::GetRoomState { room } => {
            Mail::Room { ask: Box::new(RoomAsk::State { room: room.into() }), caller, ticket }
        }
        ClientBody::ReadList { property, from, count } => {
            Mail::ReadList { property: piece(frame, &property), from, count, caller, ticket }
        }
        ClientBody::Resync => {
            Mail::Resync { connection: caller.connection_id(), ticket: Some(ticket), owed: None }
        }
        ClientBody::Mount { .. }
        | ClientBody::ResumeSession { .. }
        | ClientBody::Resume(_)
        | ClientBody::Unmount
        | ClientBody::Ping
        | ClientBody::Quiet { .. }
        | ClientBody::Auth { .. }
        | ClientBody::Batch { .. }
        | ClientBody::UploadStart(_)
        | ClientBody::UploadChunk(_)
        | ClientBody::UploadComplete { .. }
        | ClientBody::UploadCancel { .. } => {
            unreachable!("answered by the session itself")
        }
    }
}

pub(super) fn deliver(mailbox: &Mailbox, mail: Mail) {
    // What comes back from a mailbox that is closed says by itself that the instance is gone.
    let Err(Undelivered::Full(mail)) = mailbox.send(mail) else { return };
    let busy = |ticket: Ticket| {
        ticket.answer(Err(Error::new(Code::Busy, "the component has too much to do: try again")));
    };
    match *mail {
        Mail::Call { ticket, .. }
        | Mail::Write { ticket, .. }
        | Mail::Props { ticket, .. }
        | Mail::Event { ticket, .. }
        | Mail::Room { ticket, .. }
        | Mail::ReadList { ticket, .. }
        | Mail::Resync { ticket: Some(ticket), .. } => busy(ticket),
        Mail::Batch { calls, .. } => calls.into_iter().for_each(|call| busy(call.ticket)),
        Mail::Resync { ticket: None, .. }
        | Mail::Resume { .. }
        | Mail::Away { .. }
        | Mail::Identified { .. }
        | Mail::SignedOut { .. }
        | Mail::Sent { .. }
        | Mail::Heard { .. }
        | Mail::Look
        | Mail::Upload(_)
        | Mail::Join(_)
        | Mail::Rest { .. }
        | Mail::Leave { .. } => {}
    }
}

/// A part of the frame without a copy, unless it had to be unescaped or is a small part of a large frame.
pub(super) fn piece(frame: &Bytes, text: &str) -> Bytes {
    let whole = frame.as_ptr_range();
    let is_part = whole.contains(&text.as_ptr()) && text.len() <= frame.len();
    let is_worth_it = frame.len() <= LARGE || text.len() > frame.len() / 4;
    if is_part && is_worth_it {
        frame.slice_ref(text.as_bytes())
    } else {
        Bytes::copy_from_slice(text.as_bytes())
    }
}
