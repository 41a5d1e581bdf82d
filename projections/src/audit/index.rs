//! The audit log's index: who, what and when of every event, what can be searched, and where to
//! find what a field was before. It holds no value that an event set, other than as words.

use std::collections::{BTreeMap, HashMap, HashSet};

use async_trait::async_trait;
use ipnetwork::IpNetwork;
use nexavpn_domain::{
    Event, StoredEvent,
    event::personal_fields,
    ids::UserId,
    security::SecurityEvent,
    session::SessionEvent,
    told::{Before, Told, about, told},
    user::UserEvent,
};
use nexavpn_store::Recorded;
use serde_json::Value;
use sqlx::{FromRow, PgConnection, types::Json};
use uuid::Uuid;

use crate::{ApplyError, Projection, projection::each};

/// The index's writer.
#[derive(Debug)]
pub struct AuditLog;

#[async_trait]
impl Projection for AuditLog {
    fn name(&self) -> &'static str {
        "audit_log"
    }

    fn version(&self) -> i32 {
        3
    }

    fn tables(&self) -> &'static [&'static str] {
        &["audit_log", "audit_entities"]
    }

    /// It costs as much as all others together, few requests read it, and its readers take names
    /// from the others.
    fn trails(&self) -> bool {
        true
    }

    /// Everything, also what this version does not know.
    fn reads(&self) -> &'static [&'static str] {
        &[]
    }

    async fn apply(&self, conn: &mut PgConnection, event: &Recorded) -> Result<i64, ApplyError> {
        self.apply_all(conn, &[event]).await
    }

    async fn apply_all(
        &self,
        conn: &mut PgConnection,
        events: &[&Recorded],
    ) -> Result<i64, ApplyError> {
        let mut entities = Entities::load(conn, events).await?;
        let rows: Vec<Row<'_>> = events.iter().map(|e| Row::of(e, &mut entities)).collect();
        let grown = insert(conn, events, &rows, entities.settled()).await?;
        for event in events {
            if let Ok(Event::User(id, UserEvent::Erased {})) = &event.event {
                erase(conn, *id).await?;
            }
        }
        Ok(grown)
    }
}

/// What is written of an event besides what is in its row of `events`.
struct Row<'a> {
    status: &'static str,
    priors: Option<Value>,
    about: Option<Uuid>,
    origin: Option<&'a str>,
    network: Option<&'a str>,
    said: String,
    personal: Option<String>,
    subjects: Option<Value>,
}

impl<'a> Row<'a> {
    fn of(event: &'a Recorded, entities: &mut Entities) -> Self {
        let known = event.event.as_ref().ok();
        let told = known.map(told);
        let (priors, about) = entities.fold(event, told.as_ref());
        let (said, personal, subjects) = searchable(event, told.as_ref());
        Self {
            status: status(event),
            priors: (!priors.is_empty()).then(|| priors.into()),
            about,
            origin: event.origin.as_deref().filter(|_| network(event).is_none()),
            network: network(event),
            said,
            personal,
            subjects: subjects.map(|ids| ids.iter().map(Uuid::to_string).collect()),
        }
    }
}

/// Whether the event tells of a success. By its stored name, so that the log can be folded by a
/// version that does not know the event.
fn status(event: &Recorded) -> &'static str {
    let failed = event.aggregate_type == SecurityEvent::AGGREGATE_TYPE
        && event.event_type.starts_with("security.failure");
    if failed { "failure" } else { "success" }
}

/// Where a failure came from, coarse enough to be nobody's personal data.
fn network(event: &Recorded) -> Option<&str> {
    let network = event.payload.get("network").filter(|_| status(event) == "failure")?.as_str()?;
    network.parse::<IpNetwork>().is_ok().then_some(network)
}

/// The longest text of an event that is searched, in bytes.
const LONGEST: usize = 2000;

/// What can be searched of an event: without what is personal, and with it, where there is any,
/// and whose that is. Reasons are not searched: they may name people whose erasure would not find
/// them here.
fn searchable(
    event: &Recorded,
    told: Option<&Told>,
) -> (String, Option<String>, Option<Vec<Uuid>>) {
    let (Ok(known), Some(told)) = (&event.event, told) else {
        return (String::new(), None, None);
    };
    let (subject, further) = subjects(known);
    let secret = personal_fields(&event.event_type);
    let mut erased = event.payload.clone();
    for field in secret {
        if let Some(value) = erased.get_mut(*field) {
            *value = Value::Null;
        }
    }
    if subject.is_none() || erased == event.payload {
        return (text(told, &told.words), None, None);
    }
    let bare = Event::from_stored(&event.aggregate_type, &event.aggregate_id, erased);
    let Ok(bare) = bare.map(|e| nexavpn_domain::told::told(&e)) else {
        return (String::new(), None, None);
    };
    let owners: Vec<Uuid> = subject.iter().chain(further).map(|s| s.0).collect();
    // The words may hold a reason, too.
    (text(&bare, &bare.words), Some(text(told, &bare.words)), Some(owners))
}

/// Whose personal data an event holds.
fn subjects(event: &Event) -> (Option<UserId>, &[UserId]) {
    fn of<E: StoredEvent>(event: &E, id: Uuid) -> (Option<UserId>, &[UserId]) {
        (event.subject(id), event.further_subjects())
    }
    match event {
        Event::User(id, e) => of(e, id.0),
        Event::Group(id, e) => of(e, id.0),
        Event::Device(id, e) => of(e, id.0),
        Event::Policy(id, e) => of(e, id.0),
        Event::Gateway(id, e) => of(e, id.0),
        Event::Session(id, e) => of(e, id.0),
        Event::Security(id, e) => of(e, *id),
        Event::Webhook(id, e) => of(e, id.0),
    }
}

/// Words of an event and the texts that it sets, other than ids, for which there are filters.
fn text(told: &Told, words: &str) -> String {
    fn add(value: &Value, into: &mut String) {
        match value {
            Value::String(text) if text.parse::<Uuid>().is_err() => {
                into.push(' ');
                into.push_str(text);
            }
            Value::Array(items) => items.iter().for_each(|v| add(v, into)),
            Value::Object(fields) => fields.values().for_each(|v| add(v, into)),
            Value::String(_) | Value::Number(_) | Value::Bool(_) | Value::Null => {}
        }
    }
    let mut text = words.to_owned();
    told.fields.iter().for_each(|f| add(&f.after, &mut text));
    let end = (0..=LONGEST.min(text.len())).rev().find(|i| text.is_char_boundary(*i));
    text.truncate(end.unwrap_or(0));
    text
}

/// What the log knows of the entities of a batch.
struct Entities {
    known: HashMap<(String, String), Entity>,
}

#[derive(FromRow)]
struct EntityRow {
    entity_type: String,
    entity_id: String,
    setters: Json<BTreeMap<String, i64>>,
    about: Option<Uuid>,
}

fn key<'a>(event: &&'a Recorded) -> (&'a str, &'a str) {
    (&event.aggregate_type, &event.aggregate_id)
}

#[derive(Default)]
struct Entity {
    setters: BTreeMap<String, i64>,
    about: Option<Uuid>,
    there: bool,
    touched: bool,
}

impl Entities {
    async fn load(conn: &mut PgConnection, events: &[&Recorded]) -> Result<Self, ApplyError> {
        // Nothing is known of what begins here.
        let begun: HashSet<_> = events.iter().filter(|e| e.sequence == 1).map(key).collect();
        let earlier = events.iter().map(key).filter(|key| !begun.contains(key));
        let (types, ids): (Vec<&str>, Vec<&str>) =
            earlier.collect::<HashSet<_>>().into_iter().unzip();
        if ids.is_empty() {
            return Ok(Self { known: HashMap::new() });
        }
        let rows: Vec<EntityRow> = sqlx::query_as(
            "SELECT e.entity_type, e.entity_id, e.setters, e.about
             FROM unnest($1::text[], $2::text[]) AS k (entity_type, entity_id)
             JOIN audit_entities e USING (entity_type, entity_id)",
        )
        .bind(types)
        .bind(ids)
        .fetch_all(conn)
        .await?;
        let known = rows.into_iter().map(|row| {
            let entity =
                Entity { setters: row.setters.0, about: row.about, there: true, touched: false };
            ((row.entity_type, row.entity_id), entity)
        });
        Ok(Self { known: known.collect() })
    }

    /// The events that set before what this one sets, and whom it concerns.
    fn fold(&mut self, event: &Recorded, told: Option<&Told>) -> (Vec<i64>, Option<Uuid>) {
        let (Ok(known), Some(told)) = (&event.event, told) else {
            return (vec![], None);
        };
        let key = (event.aggregate_type.clone(), event.aggregate_id.clone());
        let entity = self.known.entry(key).or_default();
        let named = about(known).map(|id| id.0);
        let mut priors: Vec<i64> = if told.ends {
            entity.setters.values().copied().collect()
        } else {
            let earlier = told.fields.iter().filter(|f| matches!(f.before, Before::Earlier(_)));
            earlier.filter_map(|f| entity.setters.get(&f.name).copied()).collect()
        };
        priors.sort_unstable();
        priors.dedup();
        let concerns = named.or(entity.about);
        let over = told.ends || matches!(known, Event::Session(_, SessionEvent::Ended { .. }));
        if over {
            entity.touched |= entity.there || !entity.setters.is_empty();
            (entity.setters, entity.about) = (BTreeMap::new(), None);
            return (priors, concerns);
        }
        for field in told.fields.iter().filter(|f| matches!(f.before, Before::Earlier(_))) {
            entity.setters.insert(field.name.clone(), event.idx);
            entity.touched = true;
        }
        // What belongs to somebody says whose it is; a group's member does not own the group.
        if matches!(known, Event::Device(..) | Event::Session(..)) && concerns != entity.about {
            entity.about = concerns;
            entity.touched = true;
        }
        (priors, concerns)
    }

    /// What there is to write of them: those that stay, and those that are over.
    fn settled(self) -> Settled {
        let touched = self.known.into_iter().filter(|(_, e)| e.touched);
        let (kept, over) = touched.partition(|(_, e)| !e.setters.is_empty() || e.about.is_some());
        Settled { kept, over }
    }
}

/// Entities after a batch.
struct Settled {
    kept: Vec<((String, String), Entity)>,
    over: Vec<((String, String), Entity)>,
}

fn types_and_ids(of: &[((String, String), Entity)]) -> (Vec<&str>, Vec<&str>) {
    of.iter().map(|((kind, id), _)| (kind.as_str(), id.as_str())).unzip()
}

async fn insert(
    conn: &mut PgConnection,
    events: &[&Recorded],
    rows: &[Row<'_>],
    entities: Settled,
) -> Result<i64, ApplyError> {
    let Settled { kept, over } = entities;
    let (kept_types, kept_ids) = types_and_ids(&kept);
    let (over_types, over_ids) = types_and_ids(&over);
    let meta = |key: &'static str| -> Vec<Option<&str>> {
        events.iter().map(|e| e.metadata.get(key).map(String::as_str)).collect()
    };
    let actor_types: Vec<&str> =
        meta("actor_type").into_iter().map(|t| t.unwrap_or("unknown")).collect();
    // One journey to the database for all of it.
    let result = sqlx::query(
        "WITH kept AS (
             INSERT INTO audit_entities (entity_type, entity_id, setters, about)
             SELECT * FROM unnest($17::text[], $18::text[], $19::jsonb[], $20::uuid[])
             ON CONFLICT (entity_type, entity_id)
             DO UPDATE SET setters = excluded.setters, about = excluded.about
         ), over AS (
             DELETE FROM audit_entities e USING unnest($21::text[], $22::text[]) AS o (kind, id)
             WHERE e.entity_type = o.kind AND e.entity_id = o.id
         )
         INSERT INTO audit_log (idx, time, event_type, entity_type, entity_id, actor_type,
                                actor_id, status, request_id, about, origin, network, said,
                                personal, priors, subjects)
         SELECT t.idx, t.time, t.event_type, t.entity_type, t.entity_id, t.actor_type, t.actor_id,
                t.status, t.request_id, t.about, t.origin, t.network::cidr, t.said, t.personal,
                (SELECT array_agg(p::bigint) FROM jsonb_array_elements_text(t.priors) p),
                (SELECT array_agg(s::uuid) FROM jsonb_array_elements_text(t.subjects) s)
         FROM unnest($1::bigint[], $2::timestamptz[], $3::text[], $4::text[], $5::text[],
                     $6::text[], $7::text[], $8::text[], $9::text[], $10::uuid[], $11::text[],
                     $12::text[], $13::text[], $14::text[], $15::jsonb[], $16::jsonb[])
              AS t (idx, time, event_type, entity_type, entity_id, actor_type, actor_id, status,
                    request_id, about, origin, network, said, personal, priors, subjects)",
    )
    .bind(events.iter().map(|e| e.idx).collect::<Vec<_>>())
    .bind(events.iter().map(|e| e.effective_time).collect::<Vec<_>>())
    .bind(events.iter().map(|e| e.event_type.as_str()).collect::<Vec<_>>())
    .bind(events.iter().map(|e| e.aggregate_type.as_str()).collect::<Vec<_>>())
    .bind(events.iter().map(|e| e.aggregate_id.as_str()).collect::<Vec<_>>())
    .bind(actor_types)
    .bind(meta("actor_id"))
    .bind(rows.iter().map(|r| r.status).collect::<Vec<_>>())
    .bind(meta("request_id"))
    .bind(rows.iter().map(|r| r.about).collect::<Vec<_>>())
    .bind(rows.iter().map(|r| r.origin).collect::<Vec<_>>())
    .bind(rows.iter().map(|r| r.network).collect::<Vec<_>>())
    .bind(rows.iter().map(|r| r.said.as_str()).collect::<Vec<_>>())
    .bind(rows.iter().map(|r| r.personal.as_deref()).collect::<Vec<_>>())
    .bind(rows.iter().map(|r| r.priors.as_ref()).collect::<Vec<_>>())
    .bind(rows.iter().map(|r| r.subjects.as_ref()).collect::<Vec<_>>())
    .bind(kept_types)
    .bind(kept_ids)
    .bind(kept.iter().map(|(_, e)| Json(&e.setters)).collect::<Vec<_>>())
    .bind(kept.iter().map(|(_, e)| e.about).collect::<Vec<_>>())
    .bind(over_types)
    .bind(over_ids)
    .execute(conn)
    .await?;
    each(&result, events)
}

/// Takes out what can be searched of an erased person: then the index is what the events that are
/// left would make of it.
async fn erase(conn: &mut PgConnection, user: UserId) -> Result<(), ApplyError> {
    sqlx::query(
        "UPDATE audit_log SET personal = NULL, subjects = NULL WHERE subjects @> ARRAY[$1]",
    )
    .bind(user.0)
    .execute(&mut *conn)
    .await?;
    sqlx::query(
        "UPDATE audit_log SET origin = NULL
         WHERE actor_id = $1 AND actor_type = 'user' AND origin IS NOT NULL",
    )
    .bind(user.to_string())
    .execute(conn)
    .await?;
    Ok(())
}
