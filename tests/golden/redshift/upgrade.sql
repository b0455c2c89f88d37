CREATE TABLE alembic_version_warehouse (
    version_num VARCHAR(32) NOT NULL,
    CONSTRAINT alembic_version_warehouse_pkc PRIMARY KEY (version_num)
);

CREATE TABLE run (
    seq INTEGER NOT NULL,
    run_id VARCHAR(64) NOT NULL,
    status VARCHAR(16) NOT NULL,
    reason VARCHAR(65535),
    as_of VARCHAR(10),
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    published_at TIMESTAMP WITH TIME ZONE,
    pruned_at TIMESTAMP WITH TIME ZONE,
    rows INTEGER NOT NULL,
    accepted INTEGER NOT NULL,
    rejects VARCHAR(65535) NOT NULL,
    "without" VARCHAR(65535) NOT NULL,
    tables VARCHAR(65535) NOT NULL,
    files VARCHAR(65535) NOT NULL,
    options VARCHAR(65535) NOT NULL,
    fingerprint VARCHAR(64) NOT NULL,
    engine VARCHAR(16) NOT NULL,
    location VARCHAR(65535),
    CONSTRAINT pk_run PRIMARY KEY (seq)
);

CREATE TABLE publication (
    seq INTEGER NOT NULL,
    run INTEGER NOT NULL,
    parent INTEGER,
    action VARCHAR(16) NOT NULL,
    "at" TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_publication PRIMARY KEY (seq)
);

CREATE TABLE run_lock (
    name VARCHAR(16) NOT NULL,
    run_id VARCHAR(64) NOT NULL,
    location VARCHAR(65535) NOT NULL,
    machine VARCHAR(65535) NOT NULL,
    process VARCHAR(65535) NOT NULL,
    acquired_at TIMESTAMP WITH TIME ZONE NOT NULL,
    heartbeat_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_run_lock PRIMARY KEY (name)
);

CREATE TABLE mart_year (
    run INTEGER NOT NULL,
    year SMALLINT NOT NULL,
    releases BIGINT NOT NULL,
    budget BIGINT NOT NULL,
    budget_known BIGINT NOT NULL,
    revenue BIGINT NOT NULL,
    revenue_known BIGINT NOT NULL,
    profit BIGINT NOT NULL,
    profit_known BIGINT NOT NULL,
    popularity NUMERIC(19, 6) NOT NULL,
    popularity_known BIGINT NOT NULL,
    avg_popularity NUMERIC(19, 6),
    CONSTRAINT pk_mart_year PRIMARY KEY (run, year)
) DISTSTYLE ALL SORTKEY (run, year);

CREATE TABLE mart_genre_year (
    run INTEGER NOT NULL,
    genre_id BIGINT NOT NULL,
    year SMALLINT NOT NULL,
    releases BIGINT NOT NULL,
    budget BIGINT NOT NULL,
    budget_known BIGINT NOT NULL,
    revenue BIGINT NOT NULL,
    revenue_known BIGINT NOT NULL,
    profit BIGINT NOT NULL,
    profit_known BIGINT NOT NULL,
    popularity NUMERIC(19, 6) NOT NULL,
    popularity_known BIGINT NOT NULL,
    avg_popularity NUMERIC(19, 6),
    CONSTRAINT pk_mart_genre_year PRIMARY KEY (run, genre_id, year)
) DISTSTYLE ALL SORTKEY (run, year, genre_id);

CREATE TABLE mart_company_year (
    run INTEGER NOT NULL,
    company_id BIGINT NOT NULL,
    year SMALLINT NOT NULL,
    releases BIGINT NOT NULL,
    budget BIGINT NOT NULL,
    budget_known BIGINT NOT NULL,
    revenue BIGINT NOT NULL,
    revenue_known BIGINT NOT NULL,
    profit BIGINT NOT NULL,
    profit_known BIGINT NOT NULL,
    popularity NUMERIC(19, 6) NOT NULL,
    popularity_known BIGINT NOT NULL,
    avg_popularity NUMERIC(19, 6),
    CONSTRAINT pk_mart_company_year PRIMARY KEY (run, company_id, year)
) DISTSTYLE KEY DISTKEY (company_id) SORTKEY (run, year, company_id);

CREATE TABLE mart_company_genre_year (
    run INTEGER NOT NULL,
    company_id BIGINT NOT NULL,
    genre_id BIGINT NOT NULL,
    year SMALLINT NOT NULL,
    releases BIGINT NOT NULL,
    budget BIGINT NOT NULL,
    budget_known BIGINT NOT NULL,
    revenue BIGINT NOT NULL,
    revenue_known BIGINT NOT NULL,
    profit BIGINT NOT NULL,
    profit_known BIGINT NOT NULL,
    popularity NUMERIC(19, 6) NOT NULL,
    popularity_known BIGINT NOT NULL,
    avg_popularity NUMERIC(19, 6),
    CONSTRAINT pk_mart_company_genre_year PRIMARY KEY (run, company_id, genre_id, year)
) DISTSTYLE KEY DISTKEY (company_id) SORTKEY (run, year, company_id, genre_id);

CREATE TABLE dim_genre (
    run INTEGER NOT NULL,
    id BIGINT NOT NULL,
    name VARCHAR(65535) NOT NULL,
    slug VARCHAR(65535) NOT NULL,
    CONSTRAINT pk_dim_genre PRIMARY KEY (run, id)
) DISTSTYLE ALL SORTKEY (run, id);

CREATE TABLE dim_production_company (
    run INTEGER NOT NULL,
    id BIGINT NOT NULL,
    name VARCHAR(65535) NOT NULL,
    CONSTRAINT pk_dim_production_company PRIMARY KEY (run, id)
) DISTSTYLE KEY DISTKEY (id) SORTKEY (run, id);

INSERT INTO alembic_version_warehouse (version_num) VALUES ('warehouse_0001');

UPDATE alembic_version_warehouse SET version_num='warehouse_0002' WHERE alembic_version_warehouse.version_num = 'warehouse_0001';

UPDATE alembic_version_warehouse SET version_num='warehouse_0003' WHERE alembic_version_warehouse.version_num = 'warehouse_0002';

UPDATE alembic_version_warehouse SET version_num='warehouse_0004' WHERE alembic_version_warehouse.version_num = 'warehouse_0003';

CREATE TABLE writer (
    since TIMESTAMP WITHOUT TIME ZONE
);

UPDATE alembic_version_warehouse SET version_num='warehouse_0005' WHERE alembic_version_warehouse.version_num = 'warehouse_0004';
