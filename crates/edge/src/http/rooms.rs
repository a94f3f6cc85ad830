//! Rooms of groups: made here, joined over the socket.

use axum::{Json as Reply, extract::State, response::IntoResponse};
use http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use visavis_domain::{
    Timestamp,
    contract::rooms::{CreateGroup, DeleteGroup, GroupRecord},
    id::{RoomId, kind},
    room::group::MOST,
    text,
};

use super::route::{Route, delete, get, post};
use crate::{
    Edge,
    guard::extract::{Cx, Json, PathId, Signed, Welcome},
    problem::Problem,
};

pub(super) fn routes() -> Vec<Route> {
    vec![
        post("/api/rooms", create, "Makes a room for up to ten; whoever has its link can join.")
            .signed()
            .takes::<NewRoomBody>()
            .answers::<RoomBody>(201),
        get("/api/rooms/{id}", look, "A room, whether anybody is in it or not.")
            .signed()
            .answers::<RoomBody>(200),
        delete("/api/rooms/{id}", end, "Ends a room for good: whoever made it only.").signed(),
    ]
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "NewRoom")]
struct NewRoomBody {
    /// What it is called.
    name: Option<String>,
    /// Most people, 2 to 10.
    max_participants: Option<usize>,
    /// Nobody but its owner comes in.
    locked: bool,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Room")]
struct RoomBody {
    room: RoomFields,
    /// The link to pass on.
    join_url: String,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "RoomFields")]
struct RoomFields {
    id: RoomId,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    max_participants: usize,
    locked: bool,
    /// Whether I made it.
    owned: bool,
    created_at: Timestamp,
    /// A day after it was last used.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<Timestamp>,
}

impl RoomBody {
    fn new(edge: &Edge, record: GroupRecord, me: visavis_domain::id::UserId) -> Self {
        let GroupRecord { room, owner } = record;
        let join_url = format!("{}/room/{}", edge.site.hosts.public, room.id);
        let room = RoomFields {
            id: room.id,
            name: room.name,
            max_participants: room.max_participants,
            locked: room.locked,
            owned: owner == me,
            created_at: room.created_at,
            expires_at: room.expires_at,
        };
        Self { room, join_url }
    }
}

async fn create(
    State(edge): State<Edge>,
    Cx(cx): Cx,
    Welcome(me): Welcome,
    Json(body): Json<NewRoomBody>,
) -> Result<impl IntoResponse, Problem> {
    let name = body.name.as_deref().map(text::room_name).transpose()?;
    let group = CreateGroup {
        room: edge.dice.id(&edge.clock),
        owner: me.user,
        name,
        limit: body.max_participants.unwrap_or(MOST),
        locked: body.locked,
    };
    let record = edge.rooms.create(&cx, group).await?;
    Ok((StatusCode::CREATED, Reply(RoomBody::new(&edge, record, me.user))))
}

async fn look(
    State(edge): State<Edge>,
    Cx(cx): Cx,
    Signed(me): Signed,
    PathId(room): PathId<kind::Room>,
) -> Result<Reply<RoomBody>, Problem> {
    let record = edge.rooms.look(&cx, room).await?;
    Ok(Reply(RoomBody::new(&edge, record, me.user)))
}

async fn end(
    State(edge): State<Edge>,
    Cx(cx): Cx,
    Signed(me): Signed,
    PathId(room): PathId<kind::Room>,
) -> Result<StatusCode, Problem> {
    edge.rooms.delete(&cx, DeleteGroup { room, user: me.user }).await?;
    Ok(StatusCode::NO_CONTENT)
}
