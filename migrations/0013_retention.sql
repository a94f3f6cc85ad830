-- What is forgotten after its time: who met whom, and reports.
CREATE INDEX calls_opened ON calls (opened_at);
CREATE INDEX visits_came ON visits (came_at);
CREATE INDEX reports_made ON reports (at);
