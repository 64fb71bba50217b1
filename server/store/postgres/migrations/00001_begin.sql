-- +goose Up

-- What programs may serve on this schema: those that know the version oldest, or a later one. A migration that only
-- adds leaves it as it is; one that takes away raises it, once no node of an older version runs.
CREATE TABLE consentd.compatibility (
    one    boolean PRIMARY KEY DEFAULT true CHECK (one),
    oldest bigint  NOT NULL
);
INSERT INTO consentd.compatibility (oldest) VALUES (1);

-- The one row that orders the store: who holds its lock may take the next revisions. It changes with every commit:
-- most of its page is left empty, so that its versions stay on it, and it is vacuumed often.
CREATE TABLE consentd.head (
    one      boolean PRIMARY KEY DEFAULT true CHECK (one),
    store_id bytea   NOT NULL CHECK (length(store_id) = 16),
    revision bigint  NOT NULL CHECK (revision >= 0),
    chain    bytea   NOT NULL CHECK (length(chain) = 32),
    pruned   bigint  NOT NULL DEFAULT 0 CHECK (pruned >= 0 AND pruned <= revision),
    folding  integer NOT NULL DEFAULT 0
) WITH (fillfactor = 10, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_cost_delay = 0);
INSERT INTO consentd.head (store_id, revision, chain)
SELECT id, 0, sha256(id || int8send(0)) FROM (SELECT uuid_send(gen_random_uuid()) AS id) AS drawn;

-- The newest changes, for the nodes that follow. Older ones are pruned: of each of them marks keeps the first four
-- bytes of the chain, 4,096 in a row; block 0 has those of the revisions 1 to 4,096.
CREATE TABLE consentd.changes (
    revision   bigint  PRIMARY KEY,
    controller bytea   NOT NULL,
    subject    bytea   NOT NULL,
    also       bytea[],
    chain      bytea   NOT NULL CHECK (length(chain) = 32)
);
CREATE TABLE consentd.marks (
    block bigint PRIMARY KEY,
    marks bytea  NOT NULL CHECK (length(marks) = 16384)
);

-- What is kept of ids, of people, and the ledgers, in the binary forms of package change. Ids are bytes: they may hold
-- any.
CREATE TABLE consentd.states (
    controller bytea NOT NULL,
    subject    bytea NOT NULL,
    row        bytea NOT NULL,
    PRIMARY KEY (controller, subject)
) PARTITION BY HASH (controller, subject);
CREATE TABLE consentd.people (
    controller bytea NOT NULL,
    key        bytea NOT NULL,
    row        bytea NOT NULL,
    PRIMARY KEY (controller, key)
);
CREATE TABLE consentd.events (
    controller bytea   NOT NULL,
    subject    bytea   NOT NULL,
    revision   bigint  NOT NULL,
    index      integer NOT NULL,
    said       bytea   NOT NULL,
    entry      bytea   NOT NULL,
    PRIMARY KEY (controller, subject, revision, index, said)
) PARTITION BY HASH (controller, subject);
CREATE TABLE consentd.event_ids (
    controller bytea   NOT NULL,
    id         bytea   NOT NULL,
    subject    bytea   NOT NULL,
    revision   bigint  NOT NULL,
    index      integer NOT NULL,
    PRIMARY KEY (controller, id)
) PARTITION BY HASH (controller, id);

-- +goose StatementBegin
DO $$
BEGIN
    FOR n IN 0..15 LOOP
        EXECUTE format('CREATE TABLE consentd.states_%s PARTITION OF consentd.states '
            'FOR VALUES WITH (MODULUS 16, REMAINDER %s) WITH (fillfactor = 85)', n, n);
        EXECUTE format('CREATE TABLE consentd.events_%s PARTITION OF consentd.events '
            'FOR VALUES WITH (MODULUS 16, REMAINDER %s)', n, n);
        EXECUTE format('CREATE TABLE consentd.event_ids_%s PARTITION OF consentd.event_ids '
            'FOR VALUES WITH (MODULUS 16, REMAINDER %s)', n, n);
    END LOOP;
END
$$;
-- +goose StatementEnd

-- The nodes of the store, and the revision that somebody waits for all of them to report.
CREATE TABLE consentd.nodes (
    id         bytea       PRIMARY KEY CHECK (length(id) = 16),
    renewal    bigint      NOT NULL,
    applied    bigint      NOT NULL,
    lease_ms   bigint      NOT NULL,
    policy     bigint      NOT NULL,
    about      jsonb       NOT NULL,
    "left"     boolean     NOT NULL,
    renewed_at timestamptz NOT NULL
) WITH (fillfactor = 50);
CREATE TABLE consentd.fence (
    one    boolean PRIMARY KEY DEFAULT true CHECK (one),
    wanted bigint  NOT NULL
) WITH (fillfactor = 10);
INSERT INTO consentd.fence (wanted) VALUES (0);

-- Sets of policies, by the digest of their files, and which was in force when. Nothing here is changed or removed.
CREATE TABLE consentd.policy_sets (
    digest      text        PRIMARY KEY,
    revision    text        NOT NULL,
    controllers text[]      NOT NULL,
    files       bytea       NOT NULL,
    put_at      timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE consentd.activations (
    number       bigint      PRIMARY KEY CHECK (number > 0),
    digest       text        NOT NULL REFERENCES consentd.policy_sets,
    previous     text        NOT NULL,
    proven_by    text        NOT NULL,
    prover       text        NOT NULL,
    activated_at timestamptz NOT NULL,
    by_kind      text        NOT NULL,
    by_id        text        NOT NULL,
    by_issuer    text        NOT NULL
);
