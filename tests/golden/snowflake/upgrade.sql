CREATE TABLE alembic_version_warehouse (
    version_num VARCHAR(32) NOT NULL,
    CONSTRAINT alembic_version_warehouse_pkc PRIMARY KEY (version_num)
);

CREATE TABLE IF NOT EXISTS run (
    seq INTEGER NOT NULL,
    run_id VARCHAR(64) NOT NULL,
    status VARCHAR(16) NOT NULL,
    reason TEXT,
    as_of VARCHAR(10),
    created_at TIMESTAMP_TZ NOT NULL,
    published_at TIMESTAMP_TZ,
    pruned_at TIMESTAMP_TZ,
    "rows" INTEGER NOT NULL,
    accepted INTEGER NOT NULL,
    rejects TEXT NOT NULL,
    without TEXT NOT NULL,
    tables TEXT NOT NULL,
    files TEXT NOT NULL,
    options TEXT NOT NULL,
    fingerprint VARCHAR(64) NOT NULL,
    engine VARCHAR(16) NOT NULL,
    location TEXT,
    CONSTRAINT pk_run PRIMARY KEY (seq)
);

CREATE TABLE IF NOT EXISTS publication (
    seq INTEGER NOT NULL,
    run INTEGER NOT NULL,
    parent INTEGER,
    action VARCHAR(16) NOT NULL,
    "at" TIMESTAMP_TZ NOT NULL,
    CONSTRAINT pk_publication PRIMARY KEY (seq)
);

CREATE TABLE IF NOT EXISTS run_lock (
    name VARCHAR(16) NOT NULL,
    run_id VARCHAR(64) NOT NULL,
    location TEXT NOT NULL,
    machine TEXT NOT NULL,
    process TEXT NOT NULL,
    acquired_at TIMESTAMP_TZ NOT NULL,
    heartbeat_at TIMESTAMP_TZ NOT NULL,
    CONSTRAINT pk_run_lock PRIMARY KEY (name)
);

CREATE TABLE IF NOT EXISTS mart_year (
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
);

CREATE TABLE IF NOT EXISTS mart_genre_year (
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
);

CREATE TABLE IF NOT EXISTS mart_company_year (
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
);

CREATE TABLE IF NOT EXISTS mart_company_genre_year (
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
);

CREATE TABLE IF NOT EXISTS dim_genre (
    run INTEGER NOT NULL,
    id BIGINT NOT NULL,
    name TEXT NOT NULL,
    slug TEXT NOT NULL,
    CONSTRAINT pk_dim_genre PRIMARY KEY (run, id)
);

CREATE TABLE IF NOT EXISTS dim_production_company (
    run INTEGER NOT NULL,
    id BIGINT NOT NULL,
    name TEXT NOT NULL,
    CONSTRAINT pk_dim_production_company PRIMARY KEY (run, id)
);

INSERT INTO alembic_version_warehouse (version_num) VALUES ('warehouse_0001');

UPDATE alembic_version_warehouse SET version_num='warehouse_0002' WHERE alembic_version_warehouse.version_num = 'warehouse_0001';

UPDATE alembic_version_warehouse SET version_num='warehouse_0003' WHERE alembic_version_warehouse.version_num = 'warehouse_0002';

UPDATE alembic_version_warehouse SET version_num='warehouse_0004' WHERE alembic_version_warehouse.version_num = 'warehouse_0003';

CREATE TABLE IF NOT EXISTS writer (since TIMESTAMP_LTZ NOT NULL);

INSERT INTO writer SELECT CURRENT_TIMESTAMP() WHERE NOT EXISTS (SELECT 1 FROM writer);

CREATE FILE FORMAT IF NOT EXISTS landed_parquet TYPE = PARQUET;

CREATE STAGE IF NOT EXISTS landed URL = 's3://bucket/marts/' STORAGE_INTEGRATION = "MOVIE_MARTS_S3";

CREATE TRANSIENT TABLE IF NOT EXISTS landing_year (run_id VARCHAR(64) NOT NULL, way VARCHAR(4) NOT NULL, year INTEGER, releases BIGINT, budget BIGINT, budget_known BIGINT, revenue BIGINT, revenue_known BIGINT, profit BIGINT, profit_known BIGINT, popularity NUMBER(19, 6), popularity_known BIGINT, avg_popularity NUMBER(19, 6));

CREATE PIPE IF NOT EXISTS ingest_year AUTO_INGEST = TRUE AS COPY INTO landing_year (run_id, way, year, releases, budget, budget_known, revenue, revenue_known, profit, profit_known, popularity, popularity_known, avg_popularity) FROM (SELECT SPLIT_PART(SPLIT_PART(METADATA$FILENAME, 'runs/', -1), '/', 1), 'pipe', $1:year::INTEGER, $1:releases::BIGINT, $1:budget::BIGINT, $1:budget_known::BIGINT, $1:revenue::BIGINT, $1:revenue_known::BIGINT, $1:profit::BIGINT, $1:profit_known::BIGINT, $1:popularity::NUMBER(19, 6), $1:popularity_known::BIGINT, $1:avg_popularity::NUMBER(19, 6) FROM @landed/runs/) PATTERN = '.*/year[.]parquet(/part-[0-9]+[.]parquet)?' FILE_FORMAT = (FORMAT_NAME = 'landed_parquet');

CREATE TRANSIENT TABLE IF NOT EXISTS landing_genre_year (run_id VARCHAR(64) NOT NULL, way VARCHAR(4) NOT NULL, genre_id BIGINT, year INTEGER, releases BIGINT, budget BIGINT, budget_known BIGINT, revenue BIGINT, revenue_known BIGINT, profit BIGINT, profit_known BIGINT, popularity NUMBER(19, 6), popularity_known BIGINT, avg_popularity NUMBER(19, 6));

CREATE PIPE IF NOT EXISTS ingest_genre_year AUTO_INGEST = TRUE AS COPY INTO landing_genre_year (run_id, way, genre_id, year, releases, budget, budget_known, revenue, revenue_known, profit, profit_known, popularity, popularity_known, avg_popularity) FROM (SELECT SPLIT_PART(SPLIT_PART(METADATA$FILENAME, 'runs/', -1), '/', 1), 'pipe', $1:genre_id::BIGINT, $1:year::INTEGER, $1:releases::BIGINT, $1:budget::BIGINT, $1:budget_known::BIGINT, $1:revenue::BIGINT, $1:revenue_known::BIGINT, $1:profit::BIGINT, $1:profit_known::BIGINT, $1:popularity::NUMBER(19, 6), $1:popularity_known::BIGINT, $1:avg_popularity::NUMBER(19, 6) FROM @landed/runs/) PATTERN = '.*/genre_year[.]parquet(/part-[0-9]+[.]parquet)?' FILE_FORMAT = (FORMAT_NAME = 'landed_parquet');

CREATE TRANSIENT TABLE IF NOT EXISTS landing_company_year (run_id VARCHAR(64) NOT NULL, way VARCHAR(4) NOT NULL, company_id BIGINT, year INTEGER, releases BIGINT, budget BIGINT, budget_known BIGINT, revenue BIGINT, revenue_known BIGINT, profit BIGINT, profit_known BIGINT, popularity NUMBER(19, 6), popularity_known BIGINT, avg_popularity NUMBER(19, 6));

CREATE PIPE IF NOT EXISTS ingest_company_year AUTO_INGEST = TRUE AS COPY INTO landing_company_year (run_id, way, company_id, year, releases, budget, budget_known, revenue, revenue_known, profit, profit_known, popularity, popularity_known, avg_popularity) FROM (SELECT SPLIT_PART(SPLIT_PART(METADATA$FILENAME, 'runs/', -1), '/', 1), 'pipe', $1:company_id::BIGINT, $1:year::INTEGER, $1:releases::BIGINT, $1:budget::BIGINT, $1:budget_known::BIGINT, $1:revenue::BIGINT, $1:revenue_known::BIGINT, $1:profit::BIGINT, $1:profit_known::BIGINT, $1:popularity::NUMBER(19, 6), $1:popularity_known::BIGINT, $1:avg_popularity::NUMBER(19, 6) FROM @landed/runs/) PATTERN = '.*/company_year[.]parquet(/part-[0-9]+[.]parquet)?' FILE_FORMAT = (FORMAT_NAME = 'landed_parquet');

CREATE TRANSIENT TABLE IF NOT EXISTS landing_company_genre_year (run_id VARCHAR(64) NOT NULL, way VARCHAR(4) NOT NULL, company_id BIGINT, genre_id BIGINT, year INTEGER, releases BIGINT, budget BIGINT, budget_known BIGINT, revenue BIGINT, revenue_known BIGINT, profit BIGINT, profit_known BIGINT, popularity NUMBER(19, 6), popularity_known BIGINT, avg_popularity NUMBER(19, 6));

CREATE PIPE IF NOT EXISTS ingest_company_genre_year AUTO_INGEST = TRUE AS COPY INTO landing_company_genre_year (run_id, way, company_id, genre_id, year, releases, budget, budget_known, revenue, revenue_known, profit, profit_known, popularity, popularity_known, avg_popularity) FROM (SELECT SPLIT_PART(SPLIT_PART(METADATA$FILENAME, 'runs/', -1), '/', 1), 'pipe', $1:company_id::BIGINT, $1:genre_id::BIGINT, $1:year::INTEGER, $1:releases::BIGINT, $1:budget::BIGINT, $1:budget_known::BIGINT, $1:revenue::BIGINT, $1:revenue_known::BIGINT, $1:profit::BIGINT, $1:profit_known::BIGINT, $1:popularity::NUMBER(19, 6), $1:popularity_known::BIGINT, $1:avg_popularity::NUMBER(19, 6) FROM @landed/runs/) PATTERN = '.*/company_genre_year[.]parquet(/part-[0-9]+[.]parquet)?' FILE_FORMAT = (FORMAT_NAME = 'landed_parquet');

CREATE TRANSIENT TABLE IF NOT EXISTS landing_genre (run_id VARCHAR(64) NOT NULL, way VARCHAR(4) NOT NULL, id BIGINT, name TEXT, slug TEXT);

CREATE PIPE IF NOT EXISTS ingest_genre AUTO_INGEST = TRUE AS COPY INTO landing_genre (run_id, way, id, name, slug) FROM (SELECT SPLIT_PART(SPLIT_PART(METADATA$FILENAME, 'runs/', -1), '/', 1), 'pipe', $1:id::BIGINT, $1:name::TEXT, $1:slug::TEXT FROM @landed/runs/) PATTERN = '.*/genre[.]parquet(/part-[0-9]+[.]parquet)?' FILE_FORMAT = (FORMAT_NAME = 'landed_parquet');

CREATE TRANSIENT TABLE IF NOT EXISTS landing_production_company (run_id VARCHAR(64) NOT NULL, way VARCHAR(4) NOT NULL, id BIGINT, name TEXT);

CREATE PIPE IF NOT EXISTS ingest_production_company AUTO_INGEST = TRUE AS COPY INTO landing_production_company (run_id, way, id, name) FROM (SELECT SPLIT_PART(SPLIT_PART(METADATA$FILENAME, 'runs/', -1), '/', 1), 'pipe', $1:id::BIGINT, $1:name::TEXT FROM @landed/runs/) PATTERN = '.*/production_company[.]parquet(/part-[0-9]+[.]parquet)?' FILE_FORMAT = (FORMAT_NAME = 'landed_parquet');

UPDATE alembic_version_warehouse SET version_num='warehouse_0005' WHERE alembic_version_warehouse.version_num = 'warehouse_0004';
