BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0001');
CREATE TABLE card_episodes (
	card_id INTEGER NOT NULL, 
	episode_id INTEGER NOT NULL, 
	PRIMARY KEY (card_id, episode_id), 
	FOREIGN KEY(card_id) REFERENCES cards (id) ON DELETE CASCADE, 
	FOREIGN KEY(episode_id) REFERENCES episodes (id)
);
INSERT INTO "card_episodes" VALUES(1,1);
INSERT INTO "card_episodes" VALUES(2,2);
INSERT INTO "card_episodes" VALUES(3,3);
CREATE TABLE cards (
	id INTEGER NOT NULL, 
	chat_id BIGINT NOT NULL, 
	thread_id BIGINT NOT NULL, 
	alert_group VARCHAR(64) NOT NULL, 
	about TEXT NOT NULL, 
	opened_at DATETIME NOT NULL, 
	closed_at DATETIME, 
	PRIMARY KEY (id)
);
INSERT INTO "cards" VALUES(1,-100,0,'0000000000000000000000000000000000000000000000000000000000000001','{"group_labels": {"host": "a"}, "receiver": "bridge", "source": "http://am", "truncated": 0}','2026-11-01 12:00:00',NULL);
INSERT INTO "cards" VALUES(2,-100,0,'0000000000000000000000000000000000000000000000000000000000000002','{"group_labels": {"host": "a"}, "receiver": "bridge", "source": "http://am", "truncated": 0}','2026-11-01 12:00:00',NULL);
INSERT INTO "cards" VALUES(3,-100,0,'0000000000000000000000000000000000000000000000000000000000000003','{"group_labels": {"host": "a"}, "receiver": "bridge", "source": "http://am", "truncated": 0}','2026-11-01 12:00:00','2026-11-01 12:00:00');
CREATE TABLE chats (
	chat_id BIGINT NOT NULL, 
	paused_until DATETIME, 
	PRIMARY KEY (chat_id)
);
INSERT INTO "chats" VALUES(-100,'2026-11-01 12:00:00.000000');
CREATE TABLE episodes (
	id INTEGER NOT NULL, 
	alert VARCHAR(64) NOT NULL, 
	facts TEXT NOT NULL, 
	started_at DATETIME NOT NULL, 
	ended_at DATETIME, 
	noted_at DATETIME NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "episodes" VALUES(1,'0000000000000000000000000000000000000000000000000000000000000001','{"labels": {"alertname": "A", "host": "a"}, "annotations": {}, "generator_url": "", "fingerprint": "0123"}','2026-11-01 12:00:00',NULL,'2026-11-01 12:00:00');
INSERT INTO "episodes" VALUES(2,'0000000000000000000000000000000000000000000000000000000000000002','{"labels": {"alertname": "A", "host": "a"}, "annotations": {}, "generator_url": "", "fingerprint": "0123"}','2026-11-01 12:00:00',NULL,'2026-11-01 12:00:00');
INSERT INTO "episodes" VALUES(3,'0000000000000000000000000000000000000000000000000000000000000003','{"labels": {"alertname": "A", "host": "a"}, "annotations": {}, "generator_url": "", "fingerprint": "0123"}','2026-11-01 12:00:00','2026-11-01 12:00:00','2026-11-01 12:00:00');
CREATE TABLE heartbeat (
	id INTEGER NOT NULL, 
	beat_at DATETIME NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "heartbeat" VALUES(1,'2026-11-01 12:00:00.000000');
CREATE TABLE messages (
	id INTEGER NOT NULL, 
	chat_id BIGINT NOT NULL, 
	thread_id BIGINT NOT NULL, 
	card_id INTEGER, 
	facts TEXT, 
	digest VARCHAR(64), 
	revision INTEGER NOT NULL, 
	shown_revision INTEGER NOT NULL, 
	telegram_id BIGINT, 
	form INTEGER NOT NULL, 
	due_at DATETIME NOT NULL, 
	leased_until DATETIME, 
	attempts INTEGER NOT NULL, 
	waiting_since DATETIME NOT NULL, 
	last_reason VARCHAR(32), 
	created_at DATETIME NOT NULL, 
	PRIMARY KEY (id), 
	CONSTRAINT messages_shown_is_wanted CHECK (shown_revision <= revision), 
	CONSTRAINT messages_one_source CHECK ((card_id IS NULL) <> (facts IS NULL)), 
	UNIQUE (card_id), 
	FOREIGN KEY(card_id) REFERENCES cards (id) ON DELETE CASCADE
);
INSERT INTO "messages" VALUES(1,-100,0,1,NULL,NULL,1,1,71,0,'2026-11-01 12:00:00',NULL,0,'2026-11-01 12:00:00',NULL,'2026-11-01 12:00:00');
INSERT INTO "messages" VALUES(2,-100,0,2,NULL,NULL,1,0,NULL,0,'2026-11-01 12:00:00',NULL,0,'2026-11-01 12:00:00',NULL,'2026-11-01 12:00:00');
INSERT INTO "messages" VALUES(3,-100,0,3,NULL,NULL,2,1,73,0,'2026-11-01 12:00:00',NULL,0,'2026-11-01 12:00:00',NULL,'2026-11-01 12:00:00');
INSERT INTO "messages" VALUES(4,-100,0,NULL,'{"raw": "odd", "fault": "none", "source": ""}','0000000000000000000000000000000000000000000000000000000000000004',1,0,NULL,0,'2026-11-01 12:00:00',NULL,0,'2026-11-01 12:00:00',NULL,'2026-11-01 12:00:00');
CREATE INDEX episodes_latest ON episodes (alert, id);
CREATE UNIQUE INDEX episodes_one_open ON episodes (alert) WHERE ended_at IS NULL;
CREATE UNIQUE INDEX cards_one_open ON cards (alert_group, chat_id, thread_id) WHERE closed_at IS NULL;
CREATE INDEX card_episodes_episode ON card_episodes (episode_id);
CREATE INDEX messages_waiting ON messages (chat_id, waiting_since) WHERE shown_revision < revision;
CREATE INDEX messages_digest ON messages (digest);
COMMIT;
