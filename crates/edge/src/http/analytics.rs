//! Figures of the place, for admins.

use axum::{Json as Reply, extract::State};
use serde::Deserialize;
use visavis_domain::contract::analytics::{Series, Span, Summary};

use super::route::{Route, get};
use crate::{
    Edge,
    guard::extract::{Admin, Cx, Query},
    problem::Problem,
};

/// Days that are told of unless a number is asked for.
const DAYS: u32 = 30;

pub(super) fn routes() -> Vec<Route> {
    vec![
        get("/api/analytics/summary", summary, "What happened in the last ?days= (1 to 90; admins).")
            .signed()
            .answers::<Summary>(200),
        get("/api/analytics/series", series, "The same day by day, in UTC (admins).")
            .signed()
            .answers::<Series>(200),
    ]
}

#[derive(Debug, Deserialize)]
struct DaysQuery {
    days: Option<u32>,
}

impl DaysQuery {
    fn span(&self) -> Span {
        Span { days: self.days.unwrap_or(DAYS) }
    }
}

async fn summary(
    State(edge): State<Edge>,
    Cx(cx): Cx,
    Admin(_): Admin,
    Query(asked): Query<DaysQuery>,
) -> Result<Reply<Summary>, Problem> {
    Ok(Reply(edge.analytics.summary(&cx, asked.span()).await?))
}

async fn series(
    State(edge): State<Edge>,
    Cx(cx): Cx,
    Admin(_): Admin,
    Query(asked): Query<DaysQuery>,
) -> Result<Reply<Series>, Problem> {
    Ok(Reply(edge.analytics.series(&cx, asked.span()).await?))
}
