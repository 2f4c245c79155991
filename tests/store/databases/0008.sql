BEGIN TRANSACTION;
CREATE TABLE agent_codes (
	digest VARCHAR(64) NOT NULL, 
	host VARCHAR(64) NOT NULL, 
	about TEXT NOT NULL, 
	made_by BIGINT, 
	made_at DATETIME NOT NULL, 
	expires_at DATETIME NOT NULL, 
	used_at DATETIME, 
	replaced_at DATETIME, 
	told TEXT NOT NULL, 
	PRIMARY KEY (digest)
);
INSERT INTO "agent_codes" VALUES('cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc','web-2','{"host": "web-1", "serial": "5f", "address": "192.0.2.1:8001"}',1001,'2026-11-20 12:00:00.000000','2026-11-20 12:30:00.000000',NULL,NULL,'[]');
CREATE TABLE agents (
	id INTEGER NOT NULL, 
	host VARCHAR(64) NOT NULL, 
	"key" VARCHAR(64) NOT NULL, 
	about TEXT NOT NULL, 
	enrolled_at DATETIME NOT NULL, 
	last_seen DATETIME, 
	revoked_at DATETIME, 
	PRIMARY KEY (id), 
	UNIQUE ("key")
);
INSERT INTO "agents" VALUES(1,'web-1','aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','{"host": "web-1", "serial": "5f", "address": "192.0.2.1:8001"}','2026-11-20 12:00:00.000000',NULL,NULL);
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0008');
CREATE TABLE audit (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	at DATETIME NOT NULL, 
	entry TEXT NOT NULL, 
	previous VARCHAR(64) NOT NULL, 
	digest VARCHAR(64) NOT NULL
);
INSERT INTO "audit" VALUES(1,'2026-11-20 12:00:00.000000','{"at":"2026-11-20T12:00:00.000000+00:00","chat":null,"detail":"nobody \u2192 admin","name":"root at the console","number":1,"on":"","outcome":"done","statement":null,"what":"people add","who":null}','0000000000000000000000000000000000000000000000000000000000000000','4a2bdce661bdedc92ee72765fd8c4a9b720ba271a81879a19214248b6a41c192');
INSERT INTO "audit" VALUES(2,'2026-11-20 12:00:00.000000','{"at":"2026-11-20T12:00:00.000000+00:00","chat":null,"detail":"nobody \u2192 viewer","name":"root at the console","number":2,"on":"","outcome":"done","statement":null,"what":"people add","who":null}','4a2bdce661bdedc92ee72765fd8c4a9b720ba271a81879a19214248b6a41c192','4341dce8ee1fe85452ab2f087d699a130110381b5f05d1b28dda1ad8f2454eb1');
INSERT INTO "audit" VALUES(3,'2026-11-20 12:00:00.000000','{"at":"2026-11-20T12:00:00.000000+00:00","chat":[1001,0],"detail":"viewer","name":"","number":3,"on":"","outcome":"done","statement":null,"what":"/adduser","who":1001}','4341dce8ee1fe85452ab2f087d699a130110381b5f05d1b28dda1ad8f2454eb1','e0c620aafc30f82058306a6b0900843beee7a6b1654895eeb8f1198ddfb9584d');
CREATE TABLE boards (
	id INTEGER NOT NULL, 
	chat_id BIGINT NOT NULL, 
	thread_id BIGINT NOT NULL, 
	opened_at DATETIME NOT NULL, 
	news_at DATETIME NOT NULL, 
	arrived INTEGER NOT NULL, 
	minute_at DATETIME NOT NULL, 
	minute_arrived INTEGER NOT NULL, 
	over_at DATETIME, 
	closed_at DATETIME, 
	rung_at DATETIME NOT NULL, 
	rung_episode BIGINT NOT NULL, 
	hurried_at DATETIME, 
	PRIMARY KEY (id)
);
INSERT INTO "boards" VALUES(1,-200,7,'2026-11-20 12:00:14.000000','2026-11-20 12:00:14.000000',25,'2026-11-20 12:00:14.000000',25,NULL,NULL,'2026-11-20 12:00:14.000000',27,'2026-11-20 12:00:14.000000');
INSERT INTO "boards" VALUES(2,-100,0,'2026-11-20 12:00:14.000000','2026-11-20 12:00:14.000000',25,'2026-11-20 12:00:14.000000',25,NULL,NULL,'2026-11-20 12:00:14.000000',27,'2026-11-20 12:00:14.000000');
CREATE TABLE calls (
	id INTEGER NOT NULL, 
	chat_id BIGINT NOT NULL, 
	message_id INTEGER NOT NULL, 
	is_board BOOLEAN NOT NULL, 
	at DATETIME NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "calls" VALUES(1,-100,1,0,'2026-11-20 12:00:00.000000');
INSERT INTO "calls" VALUES(2,-200,2,0,'2026-11-20 12:00:00.000000');
INSERT INTO "calls" VALUES(3,-100,3,0,'2026-11-20 12:00:00.000000');
INSERT INTO "calls" VALUES(4,-200,4,0,'2026-11-20 12:00:00.000000');
INSERT INTO "calls" VALUES(5,-100,1,0,'2026-11-20 12:00:00.000000');
INSERT INTO "calls" VALUES(6,-200,2,0,'2026-11-20 12:00:00.000000');
INSERT INTO "calls" VALUES(7,-100,5,0,'2026-11-20 12:00:00.000000');
INSERT INTO "calls" VALUES(8,-200,6,0,'2026-11-20 12:00:00.000000');
INSERT INTO "calls" VALUES(9,-100,1,0,'2026-11-20 12:00:04.000000');
INSERT INTO "calls" VALUES(10,-200,2,0,'2026-11-20 12:00:04.000000');
INSERT INTO "calls" VALUES(11,-200,55,1,'2026-11-20 12:00:14.000000');
INSERT INTO "calls" VALUES(12,-100,56,1,'2026-11-20 12:00:14.000000');
CREATE TABLE card_episodes (
	card_id INTEGER NOT NULL, 
	episode_id INTEGER NOT NULL, 
	PRIMARY KEY (card_id, episode_id), 
	FOREIGN KEY(card_id) REFERENCES cards (id) ON DELETE CASCADE, 
	FOREIGN KEY(episode_id) REFERENCES episodes (id)
);
INSERT INTO "card_episodes" VALUES(1,1);
INSERT INTO "card_episodes" VALUES(1,2);
INSERT INTO "card_episodes" VALUES(1,3);
INSERT INTO "card_episodes" VALUES(2,1);
INSERT INTO "card_episodes" VALUES(2,2);
INSERT INTO "card_episodes" VALUES(2,3);
INSERT INTO "card_episodes" VALUES(3,4);
INSERT INTO "card_episodes" VALUES(4,4);
INSERT INTO "card_episodes" VALUES(5,5);
INSERT INTO "card_episodes" VALUES(6,5);
INSERT INTO "card_episodes" VALUES(7,6);
INSERT INTO "card_episodes" VALUES(8,6);
INSERT INTO "card_episodes" VALUES(9,7);
INSERT INTO "card_episodes" VALUES(10,7);
INSERT INTO "card_episodes" VALUES(11,8);
INSERT INTO "card_episodes" VALUES(12,8);
INSERT INTO "card_episodes" VALUES(13,9);
INSERT INTO "card_episodes" VALUES(14,9);
INSERT INTO "card_episodes" VALUES(15,10);
INSERT INTO "card_episodes" VALUES(16,10);
INSERT INTO "card_episodes" VALUES(17,11);
INSERT INTO "card_episodes" VALUES(18,11);
INSERT INTO "card_episodes" VALUES(19,12);
INSERT INTO "card_episodes" VALUES(20,12);
INSERT INTO "card_episodes" VALUES(21,13);
INSERT INTO "card_episodes" VALUES(22,13);
INSERT INTO "card_episodes" VALUES(23,14);
INSERT INTO "card_episodes" VALUES(24,14);
INSERT INTO "card_episodes" VALUES(25,15);
INSERT INTO "card_episodes" VALUES(26,15);
INSERT INTO "card_episodes" VALUES(27,16);
INSERT INTO "card_episodes" VALUES(28,16);
INSERT INTO "card_episodes" VALUES(29,17);
INSERT INTO "card_episodes" VALUES(30,17);
INSERT INTO "card_episodes" VALUES(31,18);
INSERT INTO "card_episodes" VALUES(32,18);
INSERT INTO "card_episodes" VALUES(33,19);
INSERT INTO "card_episodes" VALUES(34,19);
INSERT INTO "card_episodes" VALUES(35,20);
INSERT INTO "card_episodes" VALUES(36,20);
INSERT INTO "card_episodes" VALUES(37,21);
INSERT INTO "card_episodes" VALUES(38,21);
INSERT INTO "card_episodes" VALUES(39,22);
INSERT INTO "card_episodes" VALUES(40,22);
INSERT INTO "card_episodes" VALUES(41,23);
INSERT INTO "card_episodes" VALUES(42,23);
INSERT INTO "card_episodes" VALUES(43,24);
INSERT INTO "card_episodes" VALUES(44,24);
INSERT INTO "card_episodes" VALUES(45,25);
INSERT INTO "card_episodes" VALUES(46,25);
INSERT INTO "card_episodes" VALUES(47,26);
INSERT INTO "card_episodes" VALUES(48,26);
INSERT INTO "card_episodes" VALUES(49,27);
INSERT INTO "card_episodes" VALUES(50,27);
INSERT INTO "card_episodes" VALUES(51,28);
INSERT INTO "card_episodes" VALUES(52,28);
CREATE TABLE cards (
	id INTEGER NOT NULL, 
	chat_id BIGINT NOT NULL, 
	thread_id BIGINT NOT NULL, 
	alert_group VARCHAR(64) NOT NULL, 
	about TEXT NOT NULL, 
	opened_at DATETIME NOT NULL, 
	closed_at DATETIME, change TEXT, changed_at DATETIME, repeated_at DATETIME, board_id BIGINT REFERENCES boards (id), 
	PRIMARY KEY (id)
);
INSERT INTO "cards" VALUES(1,-100,0,'3714e5b5bce61df2b067d31edc0580a1f4c0231ba4982992f093c338f24acf9d','{"group_labels": {"host": "web-1"}, "receiver": "bridge", "source": "http://alertmanager.example:9093", "truncated": 0}','2026-11-20 12:00:00.000000',NULL,'{"begun": 0, "ended": 1, "worse": 0}','2026-11-20 12:00:00.000000',NULL,NULL);
INSERT INTO "cards" VALUES(2,-200,7,'3714e5b5bce61df2b067d31edc0580a1f4c0231ba4982992f093c338f24acf9d','{"group_labels": {"host": "web-1"}, "receiver": "bridge", "source": "http://alertmanager.example:9093", "truncated": 0}','2026-11-20 12:00:00.000000',NULL,'{"begun": 0, "ended": 1, "worse": 0}','2026-11-20 12:00:00.000000',NULL,NULL);
INSERT INTO "cards" VALUES(3,-100,0,'caddac46c75fed2f49e7f6bf250b4dc1bf4f06f5a3b842ca816d9e16160e951b','{"group_labels": {"host": "host-0"}, "receiver": "bridge", "source": "http://alertmanager.example:9093", "truncated": 0}','2026-11-20 12:00:04.000000',NULL,NULL,NULL,NULL,2);
INSERT INTO "cards" VALUES(4,-200,7,'caddac46c75fed2f49e7f6bf250b4dc1bf4f06f5a3b842ca816d9e16160e951b','{"group_labels": {"host": "host-0"}, "receiver": "bridge", "source": "http://alertmanager.example:9093", "truncated": 0}','2026-11-20 12:00:04.000000',NULL,NULL,NULL,NULL,1);
INSERT INTO "cards" VALUES(5,-100,0,'0e26f4c4261d75891db11ad827121b2faab74506cb3deca888c14410e0a4a979','{"group_labels": {"host": "host-1"}, "receiver": "bridge", "source": "http://alertmanager.example:9093", "truncated": 0}','2026-11-20 12:00:04.000000',NULL,NULL,NULL,NULL,2);
INSERT INTO "cards" VALUES(6,-200,7,'0e26f4c4261d75891db11ad827121b2faab74506cb3deca888c14410e0a4a979','{"group_labels": {"host": "host-1"}, "receiver": "bridge", "source": "http://alertmanager.example:9093", "truncated": 0}','2026-11-20 12:00:04.000000',NULL,NULL,NULL,NULL,1);
INSERT INTO "cards" VALUES(7,-100,0,'8e8c40a8ab0d9a62fa7348b56d30cd4b1d2078d5f19a67cfd60e0a2e5be57879','{"group_labels": {"host": "host-2"}, "receiver": "bridge", "source": "http://alertmanager.example:9093", "truncated": 0}','2026-11-20 12:00:04.000000',NULL,NULL,NULL,NULL,2);
INSERT INTO "cards" VALUES(8,-200,7,'8e8c40a8ab0d9a62fa7348b56d30cd4b1d2078d5f19a67cfd60e0a2e5be57879','{"group_labels": {"host": "host-2"}, "receiver": "bridge", "source": "http://alertmanager.example:9093", "truncated": 0}','2026-11-20 12:00:04.000000',NULL,NULL,NULL,NULL,1);
INSERT INTO "cards" VALUES(9,-100,0,'a116ddd3e634e43675360e79dbcc6351e08976c280fc7124bb94fcdbe26de713','{"group_labels": {"host": "host-3"}, "receiver": "bridge", "source": "http://alertmanager.example:9093", "truncated": 0}','2026-11-20 12:00:04.000000',NULL,NULL,NULL,NULL,2);
INSERT INTO "cards" VALUES(10,-200,7,'a116ddd3e634e43675360e79dbcc6351e08976c280fc7124bb94fcdbe26de713','{"group_labels": {"host": "host-3"}, "receiver": "bridge", "source": "http://alertmanager.example:9093", "truncated": 0}','2026-11-20 12:00:04.000000',NULL,NULL,NULL,NULL,1);
INSERT INTO "cards" VALUES(11,-100,0,'1f273b91db2821ad4f58ba43e3dfce1c7f19a15389b05c682b937fb892172fa8','{"group_labels": {"host": "host-4"}, "receiver": "bridge", "source": "http://alertmanager.example:9093", "truncated": 0}','2026-11-20 12:00:04.000000',NULL,NULL,NULL,NULL,2);
INSERT INTO "cards" VALUES(12,-200,7,'1f273b91db2821ad4f58ba43e3dfce1c7f19a15389b05c682b937fb892172fa8','{"group_labels": {"host": "host-4"}, "receiver": "bridge", "source": "http://alertmanager.example:9093", "truncated": 0}','2026-11-20 12:00:04.000000',NULL,NULL,NULL,NULL,1);
INSERT INTO "cards" VALUES(13,-100,0,'5d54aa656b99d826fd7d550cbe15722f64de0dbb91a87a6022646e339614fb9c','{"group_labels": {"host": "host-5"}, "receiver": "bridge", "source": "http://alertmanager.example:9093", "truncated": 0}','2026-11-20 12:00:04.000000',NULL,NULL,NULL,NULL,2);
INSERT INTO "cards" VALUES(14,-200,7,'5d54aa656b99d826fd7d550cbe15722f64de0dbb91a87a6022646e339614fb9c','{"group_labels": {"host": "host-5"}, "receiver": "bridge", "source": "http://alertmanager.example:9093", "truncated": 0}','2026-11-20 12:00:04.000000',NULL,NULL,NULL,NULL,1);
INSERT INTO "cards" VALUES(15,-100,0,'8a102833702efa9ca6c8ac87c2f2680a640b646f020662b2df21e85c01da7043','{"group_labels": {"host": "host-6"}, "receiver": "bridge", "source": "http://alertmanager.example:9093", "truncated": 0}','2026-11-20 12:00:04.000000',NULL,NULL,NULL,NULL,2);
INSERT INTO "cards" VALUES(16,-200,7,'8a102833702efa9ca6c8ac87c2f2680a640b646f020662b2df21e85c01da7043','{"group_labels": {"host": "host-6"}, "receiver": "bridge", "source": "http://alertmanager.example:9093", "truncated": 0}','2026-11-20 12:00:04.000000',NULL,NULL,NULL,NULL,1);
INSERT INTO "cards" VALUES(17,-100,0,'181e37c17bc5a3e309b5a798e1d99cdb5e1046f324d3a310664ea7d9e2f3525e','{"group_labels": {"host": "host-7"}, "receiver": "bridge", "source": "http://alertmanager.example:9093", "truncated": 0}','2026-11-20 12:00:04.000000',NULL,NULL,NULL,NULL,2);
INSERT INTO "cards" VALUES(18,-200,7,'181e37c17bc5a3e309b5a798e1d99cdb5e1046f324d3a310664ea7d9e2f3525e','{"group_labels": {"host": "host-7"}, "receiver": "bridge", "source": "http://alertmanager.example:9093", "truncated": 0}','2026-11-20 12:00:04.000000',NULL,NULL,NULL,NULL,1);
INSERT INTO "cards" VALUES(19,-100,0,'7a69c083ebc9a89ea0c52fa0889add77c42f31678404c205fa3647c8d6983a75','{"group_labels": {"host": "host-8"}, "receiver": "bridge", "source": "http://alertmanager.example:9093", "truncated": 0}','2026-11-20 12:00:04.000000',NULL,NULL,NULL,NULL,2);
INSERT INTO "cards" VALUES(20,-200,7,'7a69c083ebc9a89ea0c52fa0889add77c42f31678404c205fa3647c8d6983a75','{"group_labels": {"host": "host-8"}, "receiver": "bridge", "source": "http://alertmanager.example:9093", "truncated": 0}','2026-11-20 12:00:04.000000',NULL,NULL,NULL,NULL,1);
INSERT INTO "cards" VALUES(21,-100,0,'259da7b6356a7843e5548e70cc1119af6dfbf9bac56d96a72f1d9396dea4aef7','{"group_labels": {"host": "host-9"}, "receiver": "bridge", "source": "http://alertmanager.example:9093", "truncated": 0}','2026-11-20 12:00:04.000000',NULL,NULL,NULL,NULL,2);
INSERT INTO "cards" VALUES(22,-200,7,'259da7b6356a7843e5548e70cc1119af6dfbf9bac56d96a72f1d9396dea4aef7','{"group_labels": {"host": "host-9"}, "receiver": "bridge", "source": "http://alertmanager.example:9093", "truncated": 0}','2026-11-20 12:00:04.000000',NULL,NULL,NULL,NULL,1);
INSERT INTO "cards" VALUES(23,-100,0,'dd25db24f8b190768c262d2304f94cf460142e2da3b7f45eb40f56b977f56390','{"group_labels": {"host": "host-10"}, "receiver": "bridge", "source": "http://alertmanager.example:9093", "truncated": 0}','2026-11-20 12:00:04.000000',NULL,NULL,NULL,NULL,2);
INSERT INTO "cards" VALUES(24,-200,7,'dd25db24f8b190768c262d2304f94cf460142e2da3b7f45eb40f56b977f56390','{"group_labels": {"host": "host-10"}, "receiver": "bridge", "source": "http://alertmanager.example:9093", "truncated": 0}','2026-11-20 12:00:04.000000',NULL,NULL,NULL,NULL,1);
INSERT INTO "cards" VALUES(25,-100,0,'ba18f4d6eaf55154a4c454996b587eb782db3a6492bbbf818f4a315c64279d13','{"group_labels": {"host": "host-11"}, "receiver": "bridge", "source": "http://alertmanager.example:9093", "truncated": 0}','2026-11-20 12:00:04.000000',NULL,NULL,NULL,NULL,2);
INSERT INTO "cards" VALUES(26,-200,7,'ba18f4d6eaf55154a4c454996b587eb782db3a6492bbbf818f4a315c64279d13','{"group_labels": {"host": "host-11"}, "receiver": "bridge", "source": "http://alertmanager.example:9093", "truncated": 0}','2026-11-20 12:00:04.000000',NULL,NULL,NULL,NULL,1);
INSERT INTO "cards" VALUES(27,-100,0,'9403b91178a2df720389a30b98aae1ce44be158ef76edba1af2cf5575354787d','{"group_labels": {"host": "host-12"}, "receiver": "bridge", "source": "http://alertmanager.example:9093", "truncated": 0}','2026-11-20 12:00:04.000000',NULL,NULL,NULL,NULL,2);
INSERT INTO "cards" VALUES(28,-200,7,'9403b91178a2df720389a30b98aae1ce44be158ef76edba1af2cf5575354787d','{"group_labels": {"host": "host-12"}, "receiver": "bridge", "source": "http://alertmanager.example:9093", "truncated": 0}','2026-11-20 12:00:04.000000',NULL,NULL,NULL,NULL,1);
INSERT INTO "cards" VALUES(29,-100,0,'fd5af26ba278dbee1a31f53b15e393da5b15ee33796fd075da242ca10de1db0d','{"group_labels": {"host": "host-13"}, "receiver": "bridge", "source": "http://alertmanager.example:9093", "truncated": 0}','2026-11-20 12:00:04.000000',NULL,NULL,NULL,NULL,2);
INSERT INTO "cards" VALUES(30,-200,7,'fd5af26ba278dbee1a31f53b15e393da5b15ee33796fd075da242ca10de1db0d','{"group_labels": {"host": "host-13"}, "receiver": "bridge", "source": "http://alertmanager.example:9093", "truncated": 0}','2026-11-20 12:00:04.000000',NULL,NULL,NULL,NULL,1);
INSERT INTO "cards" VALUES(31,-100,0,'954fb860ab288e8224a455796f2d9140e6080b27b3d2f19e74203d9d4013686f','{"group_labels": {"host": "host-14"}, "receiver": "bridge", "source": "http://alertmanager.example:9093", "truncated": 0}','2026-11-20 12:00:04.000000',NULL,NULL,NULL,NULL,2);
INSERT INTO "cards" VALUES(32,-200,7,'954fb860ab288e8224a455796f2d9140e6080b27b3d2f19e74203d9d4013686f','{"group_labels": {"host": "host-14"}, "receiver": "bridge", "source": "http://alertmanager.example:9093", "truncated": 0}','2026-11-20 12:00:04.000000',NULL,NULL,NULL,NULL,1);
INSERT INTO "cards" VALUES(33,-100,0,'c15aaa548013da31189fb987b6ab6ee174d3946ec30f1d07508ee1d4b12b5dc5','{"group_labels": {"host": "host-15"}, "receiver": "bridge", "source": "http://alertmanager.example:9093", "truncated": 0}','2026-11-20 12:00:04.000000',NULL,NULL,NULL,NULL,2);
INSERT INTO "cards" VALUES(34,-200,7,'c15aaa548013da31189fb987b6ab6ee174d3946ec30f1d07508ee1d4b12b5dc5','{"group_labels": {"host": "host-15"}, "receiver": "bridge", "source": "http://alertmanager.example:9093", "truncated": 0}','2026-11-20 12:00:04.000000',NULL,NULL,NULL,NULL,1);
INSERT INTO "cards" VALUES(35,-100,0,'243dd43e62fa1d8c8aeeae78e2fbf2a7a1a4ec1d49e47ed9c13e12dda4d6b79d','{"group_labels": {"host": "host-16"}, "receiver": "bridge", "source": "http://alertmanager.example:9093", "truncated": 0}','2026-11-20 12:00:04.000000',NULL,NULL,NULL,NULL,2);
INSERT INTO "cards" VALUES(36,-200,7,'243dd43e62fa1d8c8aeeae78e2fbf2a7a1a4ec1d49e47ed9c13e12dda4d6b79d','{"group_labels": {"host": "host-16"}, "receiver": "bridge", "source": "http://alertmanager.example:9093", "truncated": 0}','2026-11-20 12:00:04.000000',NULL,NULL,NULL,NULL,1);
INSERT INTO "cards" VALUES(37,-100,0,'5bcb80c62802b97a8847c1d3201148ea53d4dc6fc88ac06c12f6a428deacdf02','{"group_labels": {"host": "host-17"}, "receiver": "bridge", "source": "http://alertmanager.example:9093", "truncated": 0}','2026-11-20 12:00:04.000000',NULL,NULL,NULL,NULL,2);
INSERT INTO "cards" VALUES(38,-200,7,'5bcb80c62802b97a8847c1d3201148ea53d4dc6fc88ac06c12f6a428deacdf02','{"group_labels": {"host": "host-17"}, "receiver": "bridge", "source": "http://alertmanager.example:9093", "truncated": 0}','2026-11-20 12:00:04.000000',NULL,NULL,NULL,NULL,1);
INSERT INTO "cards" VALUES(39,-100,0,'d8fe9881d7ef4281151d067dbc101ed6956538f779f12044845118cf39d873b5','{"group_labels": {"host": "host-18"}, "receiver": "bridge", "source": "http://alertmanager.example:9093", "truncated": 0}','2026-11-20 12:00:04.000000',NULL,NULL,NULL,NULL,2);
INSERT INTO "cards" VALUES(40,-200,7,'d8fe9881d7ef4281151d067dbc101ed6956538f779f12044845118cf39d873b5','{"group_labels": {"host": "host-18"}, "receiver": "bridge", "source": "http://alertmanager.example:9093", "truncated": 0}','2026-11-20 12:00:04.000000',NULL,NULL,NULL,NULL,1);
INSERT INTO "cards" VALUES(41,-100,0,'41c51e3ba027f7ca1d2f8c379543ea1c13b76306e88213ea580b1c367875fab8','{"group_labels": {"host": "host-19"}, "receiver": "bridge", "source": "http://alertmanager.example:9093", "truncated": 0}','2026-11-20 12:00:04.000000',NULL,NULL,NULL,NULL,2);
INSERT INTO "cards" VALUES(42,-200,7,'41c51e3ba027f7ca1d2f8c379543ea1c13b76306e88213ea580b1c367875fab8','{"group_labels": {"host": "host-19"}, "receiver": "bridge", "source": "http://alertmanager.example:9093", "truncated": 0}','2026-11-20 12:00:04.000000',NULL,NULL,NULL,NULL,1);
INSERT INTO "cards" VALUES(43,-100,0,'9e6b5b159261c02d241d658fb1f880603fcc370b4dad7c46ccb9bb665233b8e2','{"group_labels": {"host": "host-20"}, "receiver": "bridge", "source": "http://alertmanager.example:9093", "truncated": 0}','2026-11-20 12:00:04.000000',NULL,NULL,NULL,NULL,2);
INSERT INTO "cards" VALUES(44,-200,7,'9e6b5b159261c02d241d658fb1f880603fcc370b4dad7c46ccb9bb665233b8e2','{"group_labels": {"host": "host-20"}, "receiver": "bridge", "source": "http://alertmanager.example:9093", "truncated": 0}','2026-11-20 12:00:04.000000',NULL,NULL,NULL,NULL,1);
INSERT INTO "cards" VALUES(45,-100,0,'411d931731aec0a0b120cf662d07794ff872705429add556a7162fbcee22508d','{"group_labels": {"host": "host-21"}, "receiver": "bridge", "source": "http://alertmanager.example:9093", "truncated": 0}','2026-11-20 12:00:04.000000',NULL,NULL,NULL,NULL,2);
INSERT INTO "cards" VALUES(46,-200,7,'411d931731aec0a0b120cf662d07794ff872705429add556a7162fbcee22508d','{"group_labels": {"host": "host-21"}, "receiver": "bridge", "source": "http://alertmanager.example:9093", "truncated": 0}','2026-11-20 12:00:04.000000',NULL,NULL,NULL,NULL,1);
INSERT INTO "cards" VALUES(47,-100,0,'31b51e0ccc17fd9e06641c698feeefd5dcf8a62326879ba1a154cd3ebf774871','{"group_labels": {"host": "host-22"}, "receiver": "bridge", "source": "http://alertmanager.example:9093", "truncated": 0}','2026-11-20 12:00:04.000000',NULL,NULL,NULL,NULL,2);
INSERT INTO "cards" VALUES(48,-200,7,'31b51e0ccc17fd9e06641c698feeefd5dcf8a62326879ba1a154cd3ebf774871','{"group_labels": {"host": "host-22"}, "receiver": "bridge", "source": "http://alertmanager.example:9093", "truncated": 0}','2026-11-20 12:00:04.000000',NULL,NULL,NULL,NULL,1);
INSERT INTO "cards" VALUES(49,-100,0,'9a0f50cbfc4be09466e6a7b1632c1a7cc823d63443ad132616be9a047510ffce','{"group_labels": {"host": "host-23"}, "receiver": "bridge", "source": "http://alertmanager.example:9093", "truncated": 0}','2026-11-20 12:00:04.000000',NULL,NULL,NULL,NULL,2);
INSERT INTO "cards" VALUES(50,-200,7,'9a0f50cbfc4be09466e6a7b1632c1a7cc823d63443ad132616be9a047510ffce','{"group_labels": {"host": "host-23"}, "receiver": "bridge", "source": "http://alertmanager.example:9093", "truncated": 0}','2026-11-20 12:00:04.000000',NULL,NULL,NULL,NULL,1);
INSERT INTO "cards" VALUES(51,-100,0,'2c8aa4de579b62549ac015ee519ecb5fd5c1d8948fd03535f2ce5419e41f3006','{"group_labels": {"host": "db-9"}, "receiver": "bridge", "source": "http://alertmanager.example:9093", "truncated": 0}','2026-11-20 12:00:14.000000',NULL,NULL,NULL,NULL,2);
INSERT INTO "cards" VALUES(52,-200,7,'2c8aa4de579b62549ac015ee519ecb5fd5c1d8948fd03535f2ce5419e41f3006','{"group_labels": {"host": "db-9"}, "receiver": "bridge", "source": "http://alertmanager.example:9093", "truncated": 0}','2026-11-20 12:00:14.000000',NULL,NULL,NULL,NULL,1);
CREATE TABLE chats (
	chat_id BIGINT NOT NULL, 
	paused_until DATETIME, pause_reason VARCHAR(32), moved_to BIGINT, 
	PRIMARY KEY (chat_id)
);
INSERT INTO "chats" VALUES(-100,'2026-11-20 12:00:00.000000','flood',NULL);
CREATE TABLE codes (
	digest VARCHAR(64) NOT NULL, 
	purpose VARCHAR(16) NOT NULL, 
	gives TEXT NOT NULL, 
	made_by BIGINT, 
	made_at DATETIME NOT NULL, 
	expires_at DATETIME NOT NULL, 
	used_at DATETIME, 
	used_by BIGINT, 
	PRIMARY KEY (digest)
);
INSERT INTO "codes" VALUES('90925f7a00a9b38280342bfb2786e3416ace1656ab9bba6651333288bb4b48b2','person','{"role": "viewer", "scope": []}',1001,'2026-11-20 12:00:00.000000','2026-11-20 12:30:00.000000',NULL,NULL);
CREATE TABLE destinations (
	chat_id BIGINT NOT NULL, 
	thread_id BIGINT NOT NULL, 
	broken_since DATETIME, 
	reason VARCHAR(32), 
	detail TEXT, 
	is_on_trial BOOLEAN NOT NULL, 
	checked_at DATETIME, 
	PRIMARY KEY (chat_id, thread_id)
);
INSERT INTO "destinations" VALUES(-300,0,'2026-11-20 12:00:00.000000','gone','"kicked \u0000 \ud800"',0,NULL);
CREATE TABLE episodes (
	id INTEGER NOT NULL, 
	alert VARCHAR(64) NOT NULL, 
	facts TEXT NOT NULL, 
	started_at DATETIME NOT NULL, 
	ended_at DATETIME, 
	noted_at DATETIME NOT NULL, ending VARCHAR(16), muting VARCHAR(16), vouched_at DATETIME, 
	PRIMARY KEY (id)
);
INSERT INTO "episodes" VALUES(1,'04027a5cb770312161cc260588d2050bc942fae55264f3f8dd12c6cc9574ed03','{"labels": {"alertname": "AgentDown", "host": "web-1", "severity": "critical"}, "annotations": {"summary": "web-1: AgentDown"}, "generator_url": "http://prometheus.example:9090/graph?g0.expr=up", "fingerprint": "0123456789abcdef", "after": null, "claimed_at": null, "restarted_at": null}','2026-11-20 12:00:00.000000','2026-11-20 12:00:01.000000','2026-11-20 12:00:00.000000',NULL,NULL,NULL);
INSERT INTO "episodes" VALUES(2,'cf0ce2992595b0d22ab972e67a8e42155193392c789f40d0345de552ea08099e','{"labels": {"alertname": "HighLoad", "host": "web-1", "severity": "warning"}, "annotations": {"summary": "web-1: HighLoad"}, "generator_url": "http://prometheus.example:9090/graph?g0.expr=up", "fingerprint": "0123456789abcdef", "after": null, "claimed_at": null, "restarted_at": null}','2026-11-20 12:00:00.000000',NULL,'2026-11-20 12:00:00.000000',NULL,NULL,NULL);
INSERT INTO "episodes" VALUES(3,'cfc71baa2401a6d9897af4c8df4fbbea46531017df8e63637f250d5be7024486','{"labels": {"alertname": "AgentHighDisk", "host": "web-1", "severity": "critical"}, "annotations": {"summary": "web-1: AgentHighDisk"}, "generator_url": "http://prometheus.example:9090/graph?g0.expr=up", "fingerprint": "0123456789abcdef", "after": null, "claimed_at": null, "restarted_at": null}','2026-11-20 12:00:00.000000',NULL,'2026-11-20 12:00:00.000000',NULL,NULL,NULL);
INSERT INTO "episodes" VALUES(4,'bad24383b8c03ac67446a203317b68f547290d46dbd4dfab1fab3e9d7cc0bb5d','{"labels": {"alertname": "AgentDown", "host": "host-0", "severity": "critical"}, "annotations": {"summary": "host-0: AgentDown"}, "generator_url": "http://prometheus.example:9090/graph?g0.expr=up", "fingerprint": "0123456789abcdef", "after": null, "claimed_at": null, "restarted_at": null}','2026-11-20 12:00:00.000000',NULL,'2026-11-20 12:00:04.000000',NULL,NULL,NULL);
INSERT INTO "episodes" VALUES(5,'86697228ed6e763e592a28f875e30cc8586e068eb50961fa0e58633a15db1332','{"labels": {"alertname": "AgentDown", "host": "host-1", "severity": "critical"}, "annotations": {"summary": "host-1: AgentDown"}, "generator_url": "http://prometheus.example:9090/graph?g0.expr=up", "fingerprint": "0123456789abcdef", "after": null, "claimed_at": null, "restarted_at": null}','2026-11-20 12:00:00.000000',NULL,'2026-11-20 12:00:04.000000',NULL,NULL,NULL);
INSERT INTO "episodes" VALUES(6,'0c3a8938cb200de04c8025b5ec94a29270367a26820aca496a4ba13e46bbf01e','{"labels": {"alertname": "AgentDown", "host": "host-2", "severity": "critical"}, "annotations": {"summary": "host-2: AgentDown"}, "generator_url": "http://prometheus.example:9090/graph?g0.expr=up", "fingerprint": "0123456789abcdef", "after": null, "claimed_at": null, "restarted_at": null}','2026-11-20 12:00:00.000000',NULL,'2026-11-20 12:00:04.000000',NULL,NULL,NULL);
INSERT INTO "episodes" VALUES(7,'f29415b8d37f5a82ac1573d8fcd7e7e8360bdab076827c95bc7179f71f1e6f7b','{"labels": {"alertname": "AgentDown", "host": "host-3", "severity": "critical"}, "annotations": {"summary": "host-3: AgentDown"}, "generator_url": "http://prometheus.example:9090/graph?g0.expr=up", "fingerprint": "0123456789abcdef", "after": null, "claimed_at": null, "restarted_at": null}','2026-11-20 12:00:00.000000',NULL,'2026-11-20 12:00:04.000000',NULL,NULL,NULL);
INSERT INTO "episodes" VALUES(8,'5aaec1e1c20ad83cfedf5f2e247342b834962c7559fc7be11339d0e1d059a1c8','{"labels": {"alertname": "AgentDown", "host": "host-4", "severity": "critical"}, "annotations": {"summary": "host-4: AgentDown"}, "generator_url": "http://prometheus.example:9090/graph?g0.expr=up", "fingerprint": "0123456789abcdef", "after": null, "claimed_at": null, "restarted_at": null}','2026-11-20 12:00:00.000000',NULL,'2026-11-20 12:00:04.000000',NULL,NULL,NULL);
INSERT INTO "episodes" VALUES(9,'03fed32e54b8a7357fe96de8884bec6e2e71830f68aeffcac7b9909a45550d3e','{"labels": {"alertname": "AgentDown", "host": "host-5", "severity": "critical"}, "annotations": {"summary": "host-5: AgentDown"}, "generator_url": "http://prometheus.example:9090/graph?g0.expr=up", "fingerprint": "0123456789abcdef", "after": null, "claimed_at": null, "restarted_at": null}','2026-11-20 12:00:00.000000',NULL,'2026-11-20 12:00:04.000000',NULL,NULL,NULL);
INSERT INTO "episodes" VALUES(10,'04cfd31c62d76e8e7702c274a9a866da15bb7c9f43824acc88d903b6300e8dd5','{"labels": {"alertname": "AgentDown", "host": "host-6", "severity": "critical"}, "annotations": {"summary": "host-6: AgentDown"}, "generator_url": "http://prometheus.example:9090/graph?g0.expr=up", "fingerprint": "0123456789abcdef", "after": null, "claimed_at": null, "restarted_at": null}','2026-11-20 12:00:00.000000',NULL,'2026-11-20 12:00:04.000000',NULL,NULL,NULL);
INSERT INTO "episodes" VALUES(11,'dc76fca7c4515f47e6b4ff35b7e4a560638410a66f8f233596f067c50accbc95','{"labels": {"alertname": "AgentDown", "host": "host-7", "severity": "critical"}, "annotations": {"summary": "host-7: AgentDown"}, "generator_url": "http://prometheus.example:9090/graph?g0.expr=up", "fingerprint": "0123456789abcdef", "after": null, "claimed_at": null, "restarted_at": null}','2026-11-20 12:00:00.000000',NULL,'2026-11-20 12:00:04.000000',NULL,NULL,NULL);
INSERT INTO "episodes" VALUES(12,'2ee3b80964df0a7a5818370c365b18832095247c5c43a60c4b1f4ccd9db5e032','{"labels": {"alertname": "AgentDown", "host": "host-8", "severity": "critical"}, "annotations": {"summary": "host-8: AgentDown"}, "generator_url": "http://prometheus.example:9090/graph?g0.expr=up", "fingerprint": "0123456789abcdef", "after": null, "claimed_at": null, "restarted_at": null}','2026-11-20 12:00:00.000000',NULL,'2026-11-20 12:00:04.000000',NULL,NULL,NULL);
INSERT INTO "episodes" VALUES(13,'1aae8e13a9cb7fff159ca40db103343bdcc564a05705b1107c8c0a06577b0442','{"labels": {"alertname": "AgentDown", "host": "host-9", "severity": "critical"}, "annotations": {"summary": "host-9: AgentDown"}, "generator_url": "http://prometheus.example:9090/graph?g0.expr=up", "fingerprint": "0123456789abcdef", "after": null, "claimed_at": null, "restarted_at": null}','2026-11-20 12:00:00.000000',NULL,'2026-11-20 12:00:04.000000',NULL,NULL,NULL);
INSERT INTO "episodes" VALUES(14,'0eedd5e5264787a8be5baae544ea2452a5f1085d3d5a2d5b7ea0b5e0a0713fdb','{"labels": {"alertname": "AgentDown", "host": "host-10", "severity": "critical"}, "annotations": {"summary": "host-10: AgentDown"}, "generator_url": "http://prometheus.example:9090/graph?g0.expr=up", "fingerprint": "0123456789abcdef", "after": null, "claimed_at": null, "restarted_at": null}','2026-11-20 12:00:00.000000',NULL,'2026-11-20 12:00:04.000000',NULL,NULL,NULL);
INSERT INTO "episodes" VALUES(15,'3261ff718deac64bc430f252d7f69030f153ee8c4bf6c2890c82499083604f1f','{"labels": {"alertname": "AgentDown", "host": "host-11", "severity": "critical"}, "annotations": {"summary": "host-11: AgentDown"}, "generator_url": "http://prometheus.example:9090/graph?g0.expr=up", "fingerprint": "0123456789abcdef", "after": null, "claimed_at": null, "restarted_at": null}','2026-11-20 12:00:00.000000',NULL,'2026-11-20 12:00:04.000000',NULL,NULL,NULL);
INSERT INTO "episodes" VALUES(16,'51e870d344f2da595dbd9fa8f778f3ea2e8010968d088182929e34baf5aa88a2','{"labels": {"alertname": "AgentDown", "host": "host-12", "severity": "critical"}, "annotations": {"summary": "host-12: AgentDown"}, "generator_url": "http://prometheus.example:9090/graph?g0.expr=up", "fingerprint": "0123456789abcdef", "after": null, "claimed_at": null, "restarted_at": null}','2026-11-20 12:00:00.000000',NULL,'2026-11-20 12:00:04.000000',NULL,NULL,NULL);
INSERT INTO "episodes" VALUES(17,'c1644a6dc3a2d646ed1f7f65c9b8f626ad587942003fda6e6b2513da8387bc6f','{"labels": {"alertname": "AgentDown", "host": "host-13", "severity": "critical"}, "annotations": {"summary": "host-13: AgentDown"}, "generator_url": "http://prometheus.example:9090/graph?g0.expr=up", "fingerprint": "0123456789abcdef", "after": null, "claimed_at": null, "restarted_at": null}','2026-11-20 12:00:00.000000',NULL,'2026-11-20 12:00:04.000000',NULL,NULL,NULL);
INSERT INTO "episodes" VALUES(18,'26d57f494757965fe336d78b25d5ff7267981d235e872bc7efb0caad75f4e709','{"labels": {"alertname": "AgentDown", "host": "host-14", "severity": "critical"}, "annotations": {"summary": "host-14: AgentDown"}, "generator_url": "http://prometheus.example:9090/graph?g0.expr=up", "fingerprint": "0123456789abcdef", "after": null, "claimed_at": null, "restarted_at": null}','2026-11-20 12:00:00.000000',NULL,'2026-11-20 12:00:04.000000',NULL,NULL,NULL);
INSERT INTO "episodes" VALUES(19,'ed23b6672bd51fe2bd1e1fe937197ff2d5a98c8416345e2fb5604096ffb4e037','{"labels": {"alertname": "AgentDown", "host": "host-15", "severity": "critical"}, "annotations": {"summary": "host-15: AgentDown"}, "generator_url": "http://prometheus.example:9090/graph?g0.expr=up", "fingerprint": "0123456789abcdef", "after": null, "claimed_at": null, "restarted_at": null}','2026-11-20 12:00:00.000000',NULL,'2026-11-20 12:00:04.000000',NULL,NULL,NULL);
INSERT INTO "episodes" VALUES(20,'6b0ac6d8e23b6e870f6dc2f3b5835c97bacb7c567472e56fca0f082628ed709f','{"labels": {"alertname": "AgentDown", "host": "host-16", "severity": "critical"}, "annotations": {"summary": "host-16: AgentDown"}, "generator_url": "http://prometheus.example:9090/graph?g0.expr=up", "fingerprint": "0123456789abcdef", "after": null, "claimed_at": null, "restarted_at": null}','2026-11-20 12:00:00.000000',NULL,'2026-11-20 12:00:04.000000',NULL,NULL,NULL);
INSERT INTO "episodes" VALUES(21,'423d21f0dc2659f239344eae19eeab65f1a5dada769de0f4fd617382ee543ed6','{"labels": {"alertname": "AgentDown", "host": "host-17", "severity": "critical"}, "annotations": {"summary": "host-17: AgentDown"}, "generator_url": "http://prometheus.example:9090/graph?g0.expr=up", "fingerprint": "0123456789abcdef", "after": null, "claimed_at": null, "restarted_at": null}','2026-11-20 12:00:00.000000',NULL,'2026-11-20 12:00:04.000000',NULL,NULL,NULL);
INSERT INTO "episodes" VALUES(22,'4c2b7db39ab54476ee5e142996c7265f16d24f3aeee10e0e1dbf7c3d5b3420fe','{"labels": {"alertname": "AgentDown", "host": "host-18", "severity": "critical"}, "annotations": {"summary": "host-18: AgentDown"}, "generator_url": "http://prometheus.example:9090/graph?g0.expr=up", "fingerprint": "0123456789abcdef", "after": null, "claimed_at": null, "restarted_at": null}','2026-11-20 12:00:00.000000',NULL,'2026-11-20 12:00:04.000000',NULL,NULL,NULL);
INSERT INTO "episodes" VALUES(23,'d3217dcf9b286222f5faac29ff567bc9db450236b1a574ba6be043dec404728a','{"labels": {"alertname": "AgentDown", "host": "host-19", "severity": "critical"}, "annotations": {"summary": "host-19: AgentDown"}, "generator_url": "http://prometheus.example:9090/graph?g0.expr=up", "fingerprint": "0123456789abcdef", "after": null, "claimed_at": null, "restarted_at": null}','2026-11-20 12:00:00.000000',NULL,'2026-11-20 12:00:04.000000',NULL,NULL,NULL);
INSERT INTO "episodes" VALUES(24,'4d6da59a54192f9bad65d9285c4f73a8ff551656802a34730e2cde2145050820','{"labels": {"alertname": "AgentDown", "host": "host-20", "severity": "critical"}, "annotations": {"summary": "host-20: AgentDown"}, "generator_url": "http://prometheus.example:9090/graph?g0.expr=up", "fingerprint": "0123456789abcdef", "after": null, "claimed_at": null, "restarted_at": null}','2026-11-20 12:00:00.000000',NULL,'2026-11-20 12:00:04.000000',NULL,NULL,NULL);
INSERT INTO "episodes" VALUES(25,'56671bb4c6a7ce71f75e59ce11af8156312bef24e5e85a88b3475d36453d90be','{"labels": {"alertname": "AgentDown", "host": "host-21", "severity": "critical"}, "annotations": {"summary": "host-21: AgentDown"}, "generator_url": "http://prometheus.example:9090/graph?g0.expr=up", "fingerprint": "0123456789abcdef", "after": null, "claimed_at": null, "restarted_at": null}','2026-11-20 12:00:00.000000',NULL,'2026-11-20 12:00:04.000000',NULL,NULL,NULL);
INSERT INTO "episodes" VALUES(26,'7049cd17c80ca5f23149a0a2338b5311e1dc0fedcc30008ef5226e6ee35de5b4','{"labels": {"alertname": "AgentDown", "host": "host-22", "severity": "critical"}, "annotations": {"summary": "host-22: AgentDown"}, "generator_url": "http://prometheus.example:9090/graph?g0.expr=up", "fingerprint": "0123456789abcdef", "after": null, "claimed_at": null, "restarted_at": null}','2026-11-20 12:00:00.000000',NULL,'2026-11-20 12:00:04.000000',NULL,NULL,NULL);
INSERT INTO "episodes" VALUES(27,'d1560b9ee8a25ace8b0927d64095a3436ef437a41ef024fc8814f572191172d2','{"labels": {"alertname": "AgentDown", "host": "host-23", "severity": "critical"}, "annotations": {"summary": "host-23: AgentDown"}, "generator_url": "http://prometheus.example:9090/graph?g0.expr=up", "fingerprint": "0123456789abcdef", "after": null, "claimed_at": null, "restarted_at": null}','2026-11-20 12:00:00.000000',NULL,'2026-11-20 12:00:04.000000',NULL,NULL,NULL);
INSERT INTO "episodes" VALUES(28,'9bb48ab312517892bca9a7d6cf62362d825e648b51582d489b52ac4dc1c0c69a','{"labels": {"alertname": "AgentDown", "host": "db-9", "severity": "critical"}, "annotations": {"summary": "db-9: AgentDown"}, "generator_url": "http://prometheus.example:9090/graph?g0.expr=up", "fingerprint": "0123456789abcdef", "after": null, "claimed_at": null, "restarted_at": null}','2026-11-20 12:00:00.000000',NULL,'2026-11-20 12:00:14.000000',NULL,NULL,NULL);
CREATE TABLE heartbeat (
	id INTEGER NOT NULL, 
	beat_at DATETIME NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "heartbeat" VALUES(1,'2026-11-20 12:00:00.000000');
CREATE TABLE inboxes (
	name VARCHAR(64) NOT NULL, 
	folded_to BIGINT NOT NULL, 
	PRIMARY KEY (name)
);
INSERT INTO "inboxes" VALUES('00000000000000000000000000000000',7);
CREATE TABLE jobs (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	"key" VARCHAR(64) NOT NULL, 
	host TEXT NOT NULL, 
	command TEXT NOT NULL, 
	chat_id BIGINT NOT NULL, 
	thread_id BIGINT NOT NULL, 
	telegram_id BIGINT, 
	begun_by BIGINT NOT NULL, 
	begun_at DATETIME NOT NULL, 
	ended_at DATETIME, kind VARCHAR(16) DEFAULT 'run' NOT NULL, about TEXT, out_at DATETIME, unwanted_at DATETIME, ending TEXT, told_at DATETIME, owner VARCHAR(32), leased_until DATETIME, 
	UNIQUE ("key")
);
INSERT INTO "jobs" VALUES(1,'ffffffffffffffffffffffffffffffff','web-1','"df -h"',1001,0,77,1001,'2026-11-20 12:00:00.000000',NULL,'run','{"hosts": ["web-1"], "port": 0, "within": 30.0, "name": "Ada", "what": "/op_exec web-1 df -h", "reply_to": 76}','2026-11-20 12:00:00.000000',NULL,NULL,NULL,'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb','2026-11-20 12:01:00.000000');
CREATE TABLE journal (
	id INTEGER NOT NULL, 
	body BLOB NOT NULL, 
	address TEXT NOT NULL, 
	received_at DATETIME NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "journal" VALUES(1,X'7B2276657273696F6E223A202234222C202267726F75704B6579223A20227B7D3A7B686F73743D5C226C6566742D315C227D222C20227472756E6361746564416C65727473223A20302C2022737461747573223A2022666972696E67222C20227265636569766572223A2022627269646765222C202267726F75704C6162656C73223A207B22686F7374223A20226C6566742D31227D2C2022636F6D6D6F6E4C6162656C73223A207B7D2C2022636F6D6D6F6E416E6E6F746174696F6E73223A207B7D2C202265787465726E616C55524C223A2022687474703A2F2F616C6572746D616E616765722E6578616D706C653A39303933222C2022616C65727473223A205B7B22737461747573223A2022666972696E67222C20226C6162656C73223A207B22616C6572746E616D65223A20224167656E74446F776E222C2022686F7374223A20226C6566742D31222C20227365766572697479223A2022637269746963616C227D2C2022616E6E6F746174696F6E73223A207B2273756D6D617279223A20226C6566742D313A204167656E74446F776E227D2C20227374617274734174223A2022323032362D31312D32305431323A30303A30302B30303A3030222C2022656E64734174223A2022303030312D30312D30315430303A30303A30305A222C202267656E657261746F7255524C223A2022687474703A2F2F70726F6D6574686575732E6578616D706C653A393039302F67726170683F67302E657870723D7570222C202266696E6765727072696E74223A202230313233343536373839616263646566227D5D7D','{"source": "", "chat_id": null, "thread_id": null}','2026-11-20 12:00:00.000000');
INSERT INTO "journal" VALUES(2,X'7B2276657273696F6E223A202234222C202267726F75704B6579223A20227B7D3A7B686F73743D5C226B6570742D315C227D222C20227472756E6361746564416C65727473223A20302C2022737461747573223A2022666972696E67222C20227265636569766572223A2022627269646765222C202267726F75704C6162656C73223A207B22686F7374223A20226B6570742D31227D2C2022636F6D6D6F6E4C6162656C73223A207B7D2C2022636F6D6D6F6E416E6E6F746174696F6E73223A207B7D2C202265787465726E616C55524C223A2022687474703A2F2F616C6572746D616E616765722E6578616D706C653A39303933222C2022616C65727473223A205B7B22737461747573223A2022666972696E67222C20226C6162656C73223A207B22616C6572746E616D65223A20224167656E74446F776E222C2022686F7374223A20226B6570742D31222C20227365766572697479223A2022637269746963616C227D2C2022616E6E6F746174696F6E73223A207B2273756D6D617279223A20226B6570742D313A204167656E74446F776E227D2C20227374617274734174223A2022323032362D31312D32305431323A30303A30302B30303A3030222C2022656E64734174223A2022303030312D30312D30315430303A30303A30305A222C202267656E657261746F7255524C223A2022687474703A2F2F70726F6D6574686575732E6578616D706C653A393039302F67726170683F67302E657870723D7570222C202266696E6765727072696E74223A202230313233343536373839616263646566227D5D7D','{"source": "", "chat_id": null, "thread_id": null}','2026-11-20 12:00:14.000000');
CREATE TABLE letters (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	digest VARCHAR(64) NOT NULL, 
	about TEXT NOT NULL, 
	issued_at DATETIME NOT NULL, 
	received_at DATETIME NOT NULL, 
	done_at DATETIME, 
	UNIQUE (digest)
);
INSERT INTO "letters" VALUES(1,'dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd','{"host": "web-1", "serial": "5f", "address": "192.0.2.1:8001"}','2026-11-20 12:00:00.000000','2026-11-20 12:00:00.000000',NULL);
CREATE TABLE logins (
	id INTEGER NOT NULL, 
	event VARCHAR(64) NOT NULL, 
	facts TEXT NOT NULL, 
	received_at DATETIME NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (event)
);
INSERT INTO "logins" VALUES(1,'eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee','{"user": "ada"}','2026-11-20 12:00:00.000000');
CREATE TABLE messages (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	kind VARCHAR(16) NOT NULL, 
	chat_id BIGINT NOT NULL, 
	thread_id BIGINT NOT NULL, 
	card_id INTEGER, 
	board_id INTEGER, 
	facts TEXT, 
	digest VARCHAR(64), 
	priority INTEGER NOT NULL, 
	is_loud BOOLEAN NOT NULL, 
	is_held BOOLEAN NOT NULL, 
	is_covered BOOLEAN NOT NULL, 
	is_whole BOOLEAN NOT NULL, 
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
	CONSTRAINT messages_shown_is_wanted_0002 CHECK (shown_revision <= revision), 
	FOREIGN KEY(card_id) REFERENCES cards (id) ON DELETE CASCADE, 
	FOREIGN KEY(board_id) REFERENCES boards (id) ON DELETE CASCADE
);
INSERT INTO "messages" VALUES(1,'card',-100,0,1,NULL,NULL,NULL,5,0,0,0,1,3,3,5000,0,'2026-11-20 12:00:04.000000',NULL,0,'2026-11-20 12:00:04.000000',NULL,'2026-11-20 12:00:00.000000');
INSERT INTO "messages" VALUES(2,'card',-200,7,2,NULL,NULL,NULL,5,0,0,0,1,3,3,5001,0,'2026-11-20 12:00:04.000000',NULL,0,'2026-11-20 12:00:04.000000',NULL,'2026-11-20 12:00:00.000000');
INSERT INTO "messages" VALUES(3,'ring',-100,0,1,NULL,'{"kind": "new", "episodes": [3]}',NULL,1,0,0,0,1,1,1,5002,0,'2026-11-20 12:00:00.000000',NULL,0,'2026-11-20 12:00:00.000000',NULL,'2026-11-20 12:00:00.000000');
INSERT INTO "messages" VALUES(4,'ring',-200,7,2,NULL,'{"kind": "new", "episodes": [3]}',NULL,1,0,0,0,1,1,1,5003,0,'2026-11-20 12:00:00.000000',NULL,0,'2026-11-20 12:00:00.000000',NULL,'2026-11-20 12:00:00.000000');
INSERT INTO "messages" VALUES(5,'unreadable',-100,0,NULL,NULL,'{"raw": "\"no alert at all\"", "fault": "it is not an object", "source": "http://alertmanager.example:9093"}','cf0f8f0fdf212d0def2e10b0468537f65e61ccdcebd192a1720f74d738aa3ea8',2,0,0,0,1,1,1,5004,0,'2026-11-20 12:00:00.000000',NULL,0,'2026-11-20 12:00:00.000000',NULL,'2026-11-20 12:00:00.000000');
INSERT INTO "messages" VALUES(6,'unreadable',-200,7,NULL,NULL,'{"raw": "\"no alert at all\"", "fault": "it is not an object", "source": "http://alertmanager.example:9093"}','cf0f8f0fdf212d0def2e10b0468537f65e61ccdcebd192a1720f74d738aa3ea8',2,0,0,0,1,1,1,5005,0,'2026-11-20 12:00:00.000000',NULL,0,'2026-11-20 12:00:00.000000',NULL,'2026-11-20 12:00:00.000000');
INSERT INTO "messages" VALUES(7,'card',-100,0,3,NULL,NULL,NULL,1,1,1,0,1,1,0,NULL,0,'2026-11-20 12:00:04.000000',NULL,0,'2026-11-20 12:00:04.000000',NULL,'2026-11-20 12:00:04.000000');
INSERT INTO "messages" VALUES(8,'card',-200,7,4,NULL,NULL,NULL,1,1,1,0,1,1,0,NULL,0,'2026-11-20 12:00:04.000000',NULL,0,'2026-11-20 12:00:04.000000',NULL,'2026-11-20 12:00:04.000000');
INSERT INTO "messages" VALUES(9,'card',-100,0,5,NULL,NULL,NULL,1,1,1,0,1,1,0,NULL,0,'2026-11-20 12:00:04.000000',NULL,0,'2026-11-20 12:00:04.000000',NULL,'2026-11-20 12:00:04.000000');
INSERT INTO "messages" VALUES(10,'card',-200,7,6,NULL,NULL,NULL,1,1,1,0,1,1,0,NULL,0,'2026-11-20 12:00:04.000000',NULL,0,'2026-11-20 12:00:04.000000',NULL,'2026-11-20 12:00:04.000000');
INSERT INTO "messages" VALUES(11,'card',-100,0,7,NULL,NULL,NULL,1,1,1,0,1,1,0,NULL,0,'2026-11-20 12:00:04.000000',NULL,0,'2026-11-20 12:00:04.000000',NULL,'2026-11-20 12:00:04.000000');
INSERT INTO "messages" VALUES(12,'card',-200,7,8,NULL,NULL,NULL,1,1,1,0,1,1,0,NULL,0,'2026-11-20 12:00:04.000000',NULL,0,'2026-11-20 12:00:04.000000',NULL,'2026-11-20 12:00:04.000000');
INSERT INTO "messages" VALUES(13,'card',-100,0,9,NULL,NULL,NULL,1,1,1,0,1,1,0,NULL,0,'2026-11-20 12:00:04.000000',NULL,0,'2026-11-20 12:00:04.000000',NULL,'2026-11-20 12:00:04.000000');
INSERT INTO "messages" VALUES(14,'card',-200,7,10,NULL,NULL,NULL,1,1,1,0,1,1,0,NULL,0,'2026-11-20 12:00:04.000000',NULL,0,'2026-11-20 12:00:04.000000',NULL,'2026-11-20 12:00:04.000000');
INSERT INTO "messages" VALUES(15,'card',-100,0,11,NULL,NULL,NULL,1,1,1,0,1,1,0,NULL,0,'2026-11-20 12:00:04.000000',NULL,0,'2026-11-20 12:00:04.000000',NULL,'2026-11-20 12:00:04.000000');
INSERT INTO "messages" VALUES(16,'card',-200,7,12,NULL,NULL,NULL,1,1,1,0,1,1,0,NULL,0,'2026-11-20 12:00:04.000000',NULL,0,'2026-11-20 12:00:04.000000',NULL,'2026-11-20 12:00:04.000000');
INSERT INTO "messages" VALUES(17,'card',-100,0,13,NULL,NULL,NULL,1,1,1,0,1,1,0,NULL,0,'2026-11-20 12:00:04.000000',NULL,0,'2026-11-20 12:00:04.000000',NULL,'2026-11-20 12:00:04.000000');
INSERT INTO "messages" VALUES(18,'card',-200,7,14,NULL,NULL,NULL,1,1,1,0,1,1,0,NULL,0,'2026-11-20 12:00:04.000000',NULL,0,'2026-11-20 12:00:04.000000',NULL,'2026-11-20 12:00:04.000000');
INSERT INTO "messages" VALUES(19,'card',-100,0,15,NULL,NULL,NULL,1,1,1,0,1,1,0,NULL,0,'2026-11-20 12:00:04.000000',NULL,0,'2026-11-20 12:00:04.000000',NULL,'2026-11-20 12:00:04.000000');
INSERT INTO "messages" VALUES(20,'card',-200,7,16,NULL,NULL,NULL,1,1,1,0,1,1,0,NULL,0,'2026-11-20 12:00:04.000000',NULL,0,'2026-11-20 12:00:04.000000',NULL,'2026-11-20 12:00:04.000000');
INSERT INTO "messages" VALUES(21,'card',-100,0,17,NULL,NULL,NULL,1,1,1,0,1,1,0,NULL,0,'2026-11-20 12:00:04.000000',NULL,0,'2026-11-20 12:00:04.000000',NULL,'2026-11-20 12:00:04.000000');
INSERT INTO "messages" VALUES(22,'card',-200,7,18,NULL,NULL,NULL,1,1,1,0,1,1,0,NULL,0,'2026-11-20 12:00:04.000000',NULL,0,'2026-11-20 12:00:04.000000',NULL,'2026-11-20 12:00:04.000000');
INSERT INTO "messages" VALUES(23,'card',-100,0,19,NULL,NULL,NULL,1,1,1,0,1,1,0,NULL,0,'2026-11-20 12:00:04.000000',NULL,0,'2026-11-20 12:00:04.000000',NULL,'2026-11-20 12:00:04.000000');
INSERT INTO "messages" VALUES(24,'card',-200,7,20,NULL,NULL,NULL,1,1,1,0,1,1,0,NULL,0,'2026-11-20 12:00:04.000000',NULL,0,'2026-11-20 12:00:04.000000',NULL,'2026-11-20 12:00:04.000000');
INSERT INTO "messages" VALUES(25,'card',-100,0,21,NULL,NULL,NULL,1,1,1,0,1,1,0,NULL,0,'2026-11-20 12:00:04.000000',NULL,0,'2026-11-20 12:00:04.000000',NULL,'2026-11-20 12:00:04.000000');
INSERT INTO "messages" VALUES(26,'card',-200,7,22,NULL,NULL,NULL,1,1,1,0,1,1,0,NULL,0,'2026-11-20 12:00:04.000000',NULL,0,'2026-11-20 12:00:04.000000',NULL,'2026-11-20 12:00:04.000000');
INSERT INTO "messages" VALUES(27,'card',-100,0,23,NULL,NULL,NULL,1,1,1,0,1,1,0,NULL,0,'2026-11-20 12:00:04.000000',NULL,0,'2026-11-20 12:00:04.000000',NULL,'2026-11-20 12:00:04.000000');
INSERT INTO "messages" VALUES(28,'card',-200,7,24,NULL,NULL,NULL,1,1,1,0,1,1,0,NULL,0,'2026-11-20 12:00:04.000000',NULL,0,'2026-11-20 12:00:04.000000',NULL,'2026-11-20 12:00:04.000000');
INSERT INTO "messages" VALUES(29,'card',-100,0,25,NULL,NULL,NULL,1,1,1,0,1,1,0,NULL,0,'2026-11-20 12:00:04.000000',NULL,0,'2026-11-20 12:00:04.000000',NULL,'2026-11-20 12:00:04.000000');
INSERT INTO "messages" VALUES(30,'card',-200,7,26,NULL,NULL,NULL,1,1,1,0,1,1,0,NULL,0,'2026-11-20 12:00:04.000000',NULL,0,'2026-11-20 12:00:04.000000',NULL,'2026-11-20 12:00:04.000000');
INSERT INTO "messages" VALUES(31,'card',-100,0,27,NULL,NULL,NULL,1,1,1,0,1,1,0,NULL,0,'2026-11-20 12:00:04.000000',NULL,0,'2026-11-20 12:00:04.000000',NULL,'2026-11-20 12:00:04.000000');
INSERT INTO "messages" VALUES(32,'card',-200,7,28,NULL,NULL,NULL,1,1,1,0,1,1,0,NULL,0,'2026-11-20 12:00:04.000000',NULL,0,'2026-11-20 12:00:04.000000',NULL,'2026-11-20 12:00:04.000000');
INSERT INTO "messages" VALUES(33,'card',-100,0,29,NULL,NULL,NULL,1,1,1,0,1,1,0,NULL,0,'2026-11-20 12:00:04.000000',NULL,0,'2026-11-20 12:00:04.000000',NULL,'2026-11-20 12:00:04.000000');
INSERT INTO "messages" VALUES(34,'card',-200,7,30,NULL,NULL,NULL,1,1,1,0,1,1,0,NULL,0,'2026-11-20 12:00:04.000000',NULL,0,'2026-11-20 12:00:04.000000',NULL,'2026-11-20 12:00:04.000000');
INSERT INTO "messages" VALUES(35,'card',-100,0,31,NULL,NULL,NULL,1,1,1,0,1,1,0,NULL,0,'2026-11-20 12:00:04.000000',NULL,0,'2026-11-20 12:00:04.000000',NULL,'2026-11-20 12:00:04.000000');
INSERT INTO "messages" VALUES(36,'card',-200,7,32,NULL,NULL,NULL,1,1,1,0,1,1,0,NULL,0,'2026-11-20 12:00:04.000000',NULL,0,'2026-11-20 12:00:04.000000',NULL,'2026-11-20 12:00:04.000000');
INSERT INTO "messages" VALUES(37,'card',-100,0,33,NULL,NULL,NULL,1,1,1,0,1,1,0,NULL,0,'2026-11-20 12:00:04.000000',NULL,0,'2026-11-20 12:00:04.000000',NULL,'2026-11-20 12:00:04.000000');
INSERT INTO "messages" VALUES(38,'card',-200,7,34,NULL,NULL,NULL,1,1,1,0,1,1,0,NULL,0,'2026-11-20 12:00:04.000000',NULL,0,'2026-11-20 12:00:04.000000',NULL,'2026-11-20 12:00:04.000000');
INSERT INTO "messages" VALUES(39,'card',-100,0,35,NULL,NULL,NULL,1,1,1,0,1,1,0,NULL,0,'2026-11-20 12:00:04.000000',NULL,0,'2026-11-20 12:00:04.000000',NULL,'2026-11-20 12:00:04.000000');
INSERT INTO "messages" VALUES(40,'card',-200,7,36,NULL,NULL,NULL,1,1,1,0,1,1,0,NULL,0,'2026-11-20 12:00:04.000000',NULL,0,'2026-11-20 12:00:04.000000',NULL,'2026-11-20 12:00:04.000000');
INSERT INTO "messages" VALUES(41,'card',-100,0,37,NULL,NULL,NULL,1,1,1,0,1,1,0,NULL,0,'2026-11-20 12:00:04.000000',NULL,0,'2026-11-20 12:00:04.000000',NULL,'2026-11-20 12:00:04.000000');
INSERT INTO "messages" VALUES(42,'card',-200,7,38,NULL,NULL,NULL,1,1,1,0,1,1,0,NULL,0,'2026-11-20 12:00:04.000000',NULL,0,'2026-11-20 12:00:04.000000',NULL,'2026-11-20 12:00:04.000000');
INSERT INTO "messages" VALUES(43,'card',-100,0,39,NULL,NULL,NULL,1,1,1,0,1,1,0,NULL,0,'2026-11-20 12:00:04.000000',NULL,0,'2026-11-20 12:00:04.000000',NULL,'2026-11-20 12:00:04.000000');
INSERT INTO "messages" VALUES(44,'card',-200,7,40,NULL,NULL,NULL,1,1,1,0,1,1,0,NULL,0,'2026-11-20 12:00:04.000000',NULL,0,'2026-11-20 12:00:04.000000',NULL,'2026-11-20 12:00:04.000000');
INSERT INTO "messages" VALUES(45,'card',-100,0,41,NULL,NULL,NULL,1,1,1,0,1,1,0,NULL,0,'2026-11-20 12:00:04.000000',NULL,0,'2026-11-20 12:00:04.000000',NULL,'2026-11-20 12:00:04.000000');
INSERT INTO "messages" VALUES(46,'card',-200,7,42,NULL,NULL,NULL,1,1,1,0,1,1,0,NULL,0,'2026-11-20 12:00:04.000000',NULL,0,'2026-11-20 12:00:04.000000',NULL,'2026-11-20 12:00:04.000000');
INSERT INTO "messages" VALUES(47,'card',-100,0,43,NULL,NULL,NULL,1,1,1,0,1,1,0,NULL,0,'2026-11-20 12:00:04.000000',NULL,0,'2026-11-20 12:00:04.000000',NULL,'2026-11-20 12:00:04.000000');
INSERT INTO "messages" VALUES(48,'card',-200,7,44,NULL,NULL,NULL,1,1,1,0,1,1,0,NULL,0,'2026-11-20 12:00:04.000000',NULL,0,'2026-11-20 12:00:04.000000',NULL,'2026-11-20 12:00:04.000000');
INSERT INTO "messages" VALUES(49,'card',-100,0,45,NULL,NULL,NULL,1,1,1,0,1,1,0,NULL,0,'2026-11-20 12:00:04.000000',NULL,0,'2026-11-20 12:00:04.000000',NULL,'2026-11-20 12:00:04.000000');
INSERT INTO "messages" VALUES(50,'card',-200,7,46,NULL,NULL,NULL,1,1,1,0,1,1,0,NULL,0,'2026-11-20 12:00:04.000000',NULL,0,'2026-11-20 12:00:04.000000',NULL,'2026-11-20 12:00:04.000000');
INSERT INTO "messages" VALUES(51,'card',-100,0,47,NULL,NULL,NULL,1,1,1,0,1,1,0,NULL,0,'2026-11-20 12:00:04.000000',NULL,0,'2026-11-20 12:00:04.000000',NULL,'2026-11-20 12:00:04.000000');
INSERT INTO "messages" VALUES(52,'card',-200,7,48,NULL,NULL,NULL,1,1,1,0,1,1,0,NULL,0,'2026-11-20 12:00:04.000000',NULL,0,'2026-11-20 12:00:04.000000',NULL,'2026-11-20 12:00:04.000000');
INSERT INTO "messages" VALUES(53,'card',-100,0,49,NULL,NULL,NULL,1,1,1,0,1,1,0,NULL,0,'2026-11-20 12:00:04.000000',NULL,0,'2026-11-20 12:00:04.000000',NULL,'2026-11-20 12:00:04.000000');
INSERT INTO "messages" VALUES(54,'card',-200,7,50,NULL,NULL,NULL,1,1,1,0,1,1,0,NULL,0,'2026-11-20 12:00:04.000000',NULL,0,'2026-11-20 12:00:04.000000',NULL,'2026-11-20 12:00:04.000000');
INSERT INTO "messages" VALUES(55,'board',-200,7,NULL,1,NULL,NULL,0,0,0,0,1,2,1,5006,0,'2026-11-20 12:00:14.000000',NULL,0,'2026-11-20 12:00:14.000000',NULL,'2026-11-20 12:00:14.000000');
INSERT INTO "messages" VALUES(56,'board',-100,0,NULL,2,NULL,NULL,0,0,0,0,1,2,1,5007,0,'2026-11-20 12:00:14.000000',NULL,0,'2026-11-20 12:00:14.000000',NULL,'2026-11-20 12:00:14.000000');
INSERT INTO "messages" VALUES(57,'card',-100,0,51,NULL,NULL,NULL,1,1,1,0,1,1,0,NULL,0,'2026-11-20 12:00:14.000000',NULL,0,'2026-11-20 12:00:14.000000',NULL,'2026-11-20 12:00:14.000000');
INSERT INTO "messages" VALUES(58,'card',-200,7,52,NULL,NULL,NULL,1,1,1,0,1,1,0,NULL,0,'2026-11-20 12:00:14.000000',NULL,0,'2026-11-20 12:00:14.000000',NULL,'2026-11-20 12:00:14.000000');
CREATE TABLE people (
	user_id BIGINT NOT NULL, 
	role VARCHAR(16) NOT NULL, 
	scope TEXT NOT NULL, 
	name TEXT NOT NULL, 
	added_by BIGINT, 
	added_at DATETIME NOT NULL, 
	PRIMARY KEY (user_id)
);
INSERT INTO "people" VALUES(1001,'admin','[]','""',NULL,'2026-11-20 12:00:00.000000');
INSERT INTO "people" VALUES(1002,'viewer','[]','""',NULL,'2026-11-20 12:00:00.000000');
CREATE TABLE preferences (
	chat_id BIGINT NOT NULL, 
	thread_id BIGINT NOT NULL, 
	chosen TEXT NOT NULL, 
	scope TEXT NOT NULL, 
	title TEXT NOT NULL, 
	PRIMARY KEY (chat_id, thread_id)
);
INSERT INTO "preferences" VALUES(-200,7,'{"language": "ru"}','[]','""');
CREATE TABLE state (
	name VARCHAR(64) NOT NULL, 
	value TEXT NOT NULL, 
	noted_at DATETIME NOT NULL, 
	PRIMARY KEY (name)
);
INSERT INTO "state" VALUES('owner','{"bot_id": "123456789", "server": "Telegram"}','2026-11-20 12:00:00.000000');
INSERT INTO "state" VALUES('writer:cc4683aa0dba593746b06e60e770836bfb3f28ee07e0c0c6','{"receiver": "bridge", "alertmanager": "http://alertmanager.example:9093", "way": ["", null, null], "routes": ["{}"]}','2026-11-20 12:00:00.000000');
CREATE TABLE subscriptions (
	chat_id BIGINT NOT NULL, 
	thread_id BIGINT NOT NULL, 
	matchers TEXT NOT NULL, 
	since DATETIME NOT NULL, 
	made_by BIGINT, 
	PRIMARY KEY (chat_id, thread_id)
);
INSERT INTO "subscriptions" VALUES(-200,7,'[]','2026-11-20 12:00:00.000000',1001);
CREATE TABLE updates (
	update_id BIGINT NOT NULL, 
	body TEXT NOT NULL, 
	received_at DATETIME NOT NULL, 
	begun_at DATETIME, 
	done_at DATETIME, 
	PRIMARY KEY (update_id)
);
INSERT INTO "updates" VALUES(41,'{"update_id": 41, "text": "\u041f\u0440\u0438\u0432\u0435\u0442"}','2026-11-20 12:00:00.000000',NULL,NULL);
CREATE INDEX episodes_latest ON episodes (alert, id);
CREATE UNIQUE INDEX episodes_one_open ON episodes (alert) WHERE ended_at IS NULL;
CREATE UNIQUE INDEX cards_one_open ON cards (alert_group, chat_id, thread_id) WHERE closed_at IS NULL;
CREATE INDEX card_episodes_episode ON card_episodes (episode_id);
CREATE INDEX calls_at ON calls (at);
CREATE UNIQUE INDEX boards_one_open ON boards (chat_id, thread_id) WHERE closed_at IS NULL;
CREATE INDEX episodes_ended ON episodes (ended_at);
CREATE INDEX cards_board ON cards (board_id);
CREATE INDEX cards_closed ON cards (closed_at);
CREATE INDEX messages_waiting ON messages (chat_id, priority, waiting_since) WHERE shown_revision < revision;
CREATE INDEX messages_of_card ON messages (card_id);
CREATE INDEX messages_of_board ON messages (board_id);
CREATE UNIQUE INDEX messages_card ON messages (card_id, kind) WHERE kind IN ('card', 'list');
CREATE UNIQUE INDEX messages_board ON messages (board_id) WHERE kind = 'board';
CREATE INDEX messages_digest ON messages (digest);
CREATE INDEX audit_at ON audit (at);
CREATE INDEX updates_done ON updates (done_at);
CREATE INDEX agent_codes_host ON agent_codes (host);
CREATE UNIQUE INDEX agents_one_alive ON agents (host) WHERE revoked_at IS NULL;
CREATE INDEX letters_waiting ON letters (done_at, id);
CREATE INDEX letters_received ON letters (received_at);
CREATE INDEX logins_received ON logins (received_at);
CREATE INDEX jobs_ended ON jobs (ended_at);
CREATE INDEX jobs_untold ON jobs (id) WHERE told_at IS NULL;
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('audit',3);
INSERT INTO "sqlite_sequence" VALUES('jobs',1);
INSERT INTO "sqlite_sequence" VALUES('letters',1);
INSERT INTO "sqlite_sequence" VALUES('messages',58);
COMMIT;
