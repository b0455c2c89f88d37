LOCK TABLE writer;

SELECT max(run.seq) AS max_1
FROM run;

CREATE TEMPORARY TABLE staged_year (
    year INTEGER,
    releases BIGINT,
    budget BIGINT,
    budget_known BIGINT,
    revenue BIGINT,
    revenue_known BIGINT,
    profit BIGINT,
    profit_known BIGINT,
    popularity NUMERIC(19, 6),
    popularity_known BIGINT,
    avg_popularity NUMERIC(19, 6)
);

COPY staged_year FROM 's3://bucket/marts/runs/20260102T030405678900Z-abcdef/year.parquet' IAM_ROLE 'arn:aws:iam::123456789012:role/movie-marts-reader' FORMAT AS PARQUET;

INSERT INTO mart_year (run, year, releases, budget, budget_known, revenue, revenue_known, profit, profit_known, popularity, popularity_known, avg_popularity) SELECT 1 AS run, staged_year.year, staged_year.releases, staged_year.budget, staged_year.budget_known, staged_year.revenue, staged_year.revenue_known, staged_year.profit, staged_year.profit_known, staged_year.popularity, staged_year.popularity_known, staged_year.avg_popularity
FROM staged_year;

DROP TABLE staged_year;

CREATE TEMPORARY TABLE staged_genre_year (
    genre_id BIGINT,
    year INTEGER,
    releases BIGINT,
    budget BIGINT,
    budget_known BIGINT,
    revenue BIGINT,
    revenue_known BIGINT,
    profit BIGINT,
    profit_known BIGINT,
    popularity NUMERIC(19, 6),
    popularity_known BIGINT,
    avg_popularity NUMERIC(19, 6)
);

COPY staged_genre_year FROM 's3://bucket/marts/runs/20260102T030405678900Z-abcdef/genre_year.parquet' IAM_ROLE 'arn:aws:iam::123456789012:role/movie-marts-reader' FORMAT AS PARQUET;

INSERT INTO mart_genre_year (run, genre_id, year, releases, budget, budget_known, revenue, revenue_known, profit, profit_known, popularity, popularity_known, avg_popularity) SELECT 1 AS run, staged_genre_year.genre_id, staged_genre_year.year, staged_genre_year.releases, staged_genre_year.budget, staged_genre_year.budget_known, staged_genre_year.revenue, staged_genre_year.revenue_known, staged_genre_year.profit, staged_genre_year.profit_known, staged_genre_year.popularity, staged_genre_year.popularity_known, staged_genre_year.avg_popularity
FROM staged_genre_year;

DROP TABLE staged_genre_year;

CREATE TEMPORARY TABLE staged_company_year (
    company_id BIGINT,
    year INTEGER,
    releases BIGINT,
    budget BIGINT,
    budget_known BIGINT,
    revenue BIGINT,
    revenue_known BIGINT,
    profit BIGINT,
    profit_known BIGINT,
    popularity NUMERIC(19, 6),
    popularity_known BIGINT,
    avg_popularity NUMERIC(19, 6)
);

COPY staged_company_year FROM 's3://bucket/marts/runs/20260102T030405678900Z-abcdef/company_year.parquet' IAM_ROLE 'arn:aws:iam::123456789012:role/movie-marts-reader' FORMAT AS PARQUET;

INSERT INTO mart_company_year (run, company_id, year, releases, budget, budget_known, revenue, revenue_known, profit, profit_known, popularity, popularity_known, avg_popularity) SELECT 1 AS run, staged_company_year.company_id, staged_company_year.year, staged_company_year.releases, staged_company_year.budget, staged_company_year.budget_known, staged_company_year.revenue, staged_company_year.revenue_known, staged_company_year.profit, staged_company_year.profit_known, staged_company_year.popularity, staged_company_year.popularity_known, staged_company_year.avg_popularity
FROM staged_company_year;

DROP TABLE staged_company_year;

CREATE TEMPORARY TABLE staged_company_genre_year (
    company_id BIGINT,
    genre_id BIGINT,
    year INTEGER,
    releases BIGINT,
    budget BIGINT,
    budget_known BIGINT,
    revenue BIGINT,
    revenue_known BIGINT,
    profit BIGINT,
    profit_known BIGINT,
    popularity NUMERIC(19, 6),
    popularity_known BIGINT,
    avg_popularity NUMERIC(19, 6)
);

COPY staged_company_genre_year FROM 's3://bucket/marts/runs/20260102T030405678900Z-abcdef/company_genre_year.parquet' IAM_ROLE 'arn:aws:iam::123456789012:role/movie-marts-reader' FORMAT AS PARQUET;

INSERT INTO mart_company_genre_year (run, company_id, genre_id, year, releases, budget, budget_known, revenue, revenue_known, profit, profit_known, popularity, popularity_known, avg_popularity) SELECT 1 AS run, staged_company_genre_year.company_id, staged_company_genre_year.genre_id, staged_company_genre_year.year, staged_company_genre_year.releases, staged_company_genre_year.budget, staged_company_genre_year.budget_known, staged_company_genre_year.revenue, staged_company_genre_year.revenue_known, staged_company_genre_year.profit, staged_company_genre_year.profit_known, staged_company_genre_year.popularity, staged_company_genre_year.popularity_known, staged_company_genre_year.avg_popularity
FROM staged_company_genre_year;

DROP TABLE staged_company_genre_year;

CREATE TEMPORARY TABLE staged_genre (
    id BIGINT,
    name VARCHAR(65535),
    slug VARCHAR(65535)
);

COPY staged_genre FROM 's3://bucket/marts/runs/20260102T030405678900Z-abcdef/genre.parquet' IAM_ROLE 'arn:aws:iam::123456789012:role/movie-marts-reader' FORMAT AS PARQUET;

INSERT INTO dim_genre (run, id, name, slug) SELECT 1 AS run, staged_genre.id, staged_genre.name, staged_genre.slug
FROM staged_genre;

DROP TABLE staged_genre;

CREATE TEMPORARY TABLE staged_production_company (
    id BIGINT,
    name VARCHAR(65535)
);

COPY staged_production_company FROM 's3://bucket/marts/runs/20260102T030405678900Z-abcdef/production_company.parquet' IAM_ROLE 'arn:aws:iam::123456789012:role/movie-marts-reader' FORMAT AS PARQUET;

INSERT INTO dim_production_company (run, id, name) SELECT 1 AS run, staged_production_company.id, staged_production_company.name
FROM staged_production_company;

DROP TABLE staged_production_company;
