ALTER SESSION SET QUERY_TAG = 'movie-marts 20260102T030405678900Z-abcdef';

DELETE FROM landing_year WHERE landing_year.run_id = '20260102T030405678900Z-abcdef' AND landing_year.way = 'copy';

COPY INTO landing_year (run_id, way, year, releases, budget, budget_known, revenue, revenue_known, profit, profit_known, popularity, popularity_known, avg_popularity) FROM (SELECT '20260102T030405678900Z-abcdef', 'copy', $1:year::INTEGER, $1:releases::BIGINT, $1:budget::BIGINT, $1:budget_known::BIGINT, $1:revenue::BIGINT, $1:revenue_known::BIGINT, $1:profit::BIGINT, $1:profit_known::BIGINT, $1:popularity::NUMERIC(19, 6), $1:popularity_known::BIGINT, $1:avg_popularity::NUMERIC(19, 6) FROM @landed/runs/20260102T030405678900Z-abcdef/) FILES = ('year.parquet') FILE_FORMAT = (FORMAT_NAME = 'landed_parquet') FORCE = TRUE;

DELETE FROM landing_genre_year WHERE landing_genre_year.run_id = '20260102T030405678900Z-abcdef' AND landing_genre_year.way = 'copy';

COPY INTO landing_genre_year (run_id, way, genre_id, year, releases, budget, budget_known, revenue, revenue_known, profit, profit_known, popularity, popularity_known, avg_popularity) FROM (SELECT '20260102T030405678900Z-abcdef', 'copy', $1:genre_id::BIGINT, $1:year::INTEGER, $1:releases::BIGINT, $1:budget::BIGINT, $1:budget_known::BIGINT, $1:revenue::BIGINT, $1:revenue_known::BIGINT, $1:profit::BIGINT, $1:profit_known::BIGINT, $1:popularity::NUMERIC(19, 6), $1:popularity_known::BIGINT, $1:avg_popularity::NUMERIC(19, 6) FROM @landed/runs/20260102T030405678900Z-abcdef/) FILES = ('genre_year.parquet') FILE_FORMAT = (FORMAT_NAME = 'landed_parquet') FORCE = TRUE;

DELETE FROM landing_company_year WHERE landing_company_year.run_id = '20260102T030405678900Z-abcdef' AND landing_company_year.way = 'copy';

COPY INTO landing_company_year (run_id, way, company_id, year, releases, budget, budget_known, revenue, revenue_known, profit, profit_known, popularity, popularity_known, avg_popularity) FROM (SELECT '20260102T030405678900Z-abcdef', 'copy', $1:company_id::BIGINT, $1:year::INTEGER, $1:releases::BIGINT, $1:budget::BIGINT, $1:budget_known::BIGINT, $1:revenue::BIGINT, $1:revenue_known::BIGINT, $1:profit::BIGINT, $1:profit_known::BIGINT, $1:popularity::NUMERIC(19, 6), $1:popularity_known::BIGINT, $1:avg_popularity::NUMERIC(19, 6) FROM @landed/runs/20260102T030405678900Z-abcdef/) FILES = ('company_year.parquet') FILE_FORMAT = (FORMAT_NAME = 'landed_parquet') FORCE = TRUE;

DELETE FROM landing_company_genre_year WHERE landing_company_genre_year.run_id = '20260102T030405678900Z-abcdef' AND landing_company_genre_year.way = 'copy';

COPY INTO landing_company_genre_year (run_id, way, company_id, genre_id, year, releases, budget, budget_known, revenue, revenue_known, profit, profit_known, popularity, popularity_known, avg_popularity) FROM (SELECT '20260102T030405678900Z-abcdef', 'copy', $1:company_id::BIGINT, $1:genre_id::BIGINT, $1:year::INTEGER, $1:releases::BIGINT, $1:budget::BIGINT, $1:budget_known::BIGINT, $1:revenue::BIGINT, $1:revenue_known::BIGINT, $1:profit::BIGINT, $1:profit_known::BIGINT, $1:popularity::NUMERIC(19, 6), $1:popularity_known::BIGINT, $1:avg_popularity::NUMERIC(19, 6) FROM @landed/runs/20260102T030405678900Z-abcdef/) FILES = ('company_genre_year.parquet') FILE_FORMAT = (FORMAT_NAME = 'landed_parquet') FORCE = TRUE;

DELETE FROM landing_genre WHERE landing_genre.run_id = '20260102T030405678900Z-abcdef' AND landing_genre.way = 'copy';

COPY INTO landing_genre (run_id, way, id, name, slug) FROM (SELECT '20260102T030405678900Z-abcdef', 'copy', $1:id::BIGINT, $1:name::TEXT, $1:slug::TEXT FROM @landed/runs/20260102T030405678900Z-abcdef/) FILES = ('genre.parquet') FILE_FORMAT = (FORMAT_NAME = 'landed_parquet') FORCE = TRUE;

DELETE FROM landing_production_company WHERE landing_production_company.run_id = '20260102T030405678900Z-abcdef' AND landing_production_company.way = 'copy';

COPY INTO landing_production_company (run_id, way, id, name) FROM (SELECT '20260102T030405678900Z-abcdef', 'copy', $1:id::BIGINT, $1:name::TEXT FROM @landed/runs/20260102T030405678900Z-abcdef/) FILES = ('production_company.parquet') FILE_FORMAT = (FORMAT_NAME = 'landed_parquet') FORCE = TRUE;

SELECT 'year' AS name, count(*) AS rows_
FROM landing_year
WHERE landing_year.run_id = '20260102T030405678900Z-abcdef' AND landing_year.way = 'copy' UNION ALL SELECT 'genre_year' AS name, count(*) AS rows_
FROM landing_genre_year
WHERE landing_genre_year.run_id = '20260102T030405678900Z-abcdef' AND landing_genre_year.way = 'copy' UNION ALL SELECT 'company_year' AS name, count(*) AS rows_
FROM landing_company_year
WHERE landing_company_year.run_id = '20260102T030405678900Z-abcdef' AND landing_company_year.way = 'copy' UNION ALL SELECT 'company_genre_year' AS name, count(*) AS rows_
FROM landing_company_genre_year
WHERE landing_company_genre_year.run_id = '20260102T030405678900Z-abcdef' AND landing_company_genre_year.way = 'copy' UNION ALL SELECT 'genre' AS name, count(*) AS rows_
FROM landing_genre
WHERE landing_genre.run_id = '20260102T030405678900Z-abcdef' AND landing_genre.way = 'copy' UNION ALL SELECT 'production_company' AS name, count(*) AS rows_
FROM landing_production_company
WHERE landing_production_company.run_id = '20260102T030405678900Z-abcdef' AND landing_production_company.way = 'copy';

UPDATE writer SET since = CURRENT_TIMESTAMP();

SELECT max(run.seq) AS max_1
FROM run;

INSERT INTO mart_year (run, year, releases, budget, budget_known, revenue, revenue_known, profit, profit_known, popularity, popularity_known, avg_popularity) SELECT 1 AS run, landing_year.year, landing_year.releases, landing_year.budget, landing_year.budget_known, landing_year.revenue, landing_year.revenue_known, landing_year.profit, landing_year.profit_known, landing_year.popularity, landing_year.popularity_known, landing_year.avg_popularity
FROM landing_year
WHERE landing_year.run_id = '20260102T030405678900Z-abcdef' AND landing_year.way = 'copy';

DELETE FROM landing_year WHERE landing_year.run_id = '20260102T030405678900Z-abcdef';

INSERT INTO mart_genre_year (run, genre_id, year, releases, budget, budget_known, revenue, revenue_known, profit, profit_known, popularity, popularity_known, avg_popularity) SELECT 1 AS run, landing_genre_year.genre_id, landing_genre_year.year, landing_genre_year.releases, landing_genre_year.budget, landing_genre_year.budget_known, landing_genre_year.revenue, landing_genre_year.revenue_known, landing_genre_year.profit, landing_genre_year.profit_known, landing_genre_year.popularity, landing_genre_year.popularity_known, landing_genre_year.avg_popularity
FROM landing_genre_year
WHERE landing_genre_year.run_id = '20260102T030405678900Z-abcdef' AND landing_genre_year.way = 'copy';

DELETE FROM landing_genre_year WHERE landing_genre_year.run_id = '20260102T030405678900Z-abcdef';

INSERT INTO mart_company_year (run, company_id, year, releases, budget, budget_known, revenue, revenue_known, profit, profit_known, popularity, popularity_known, avg_popularity) SELECT 1 AS run, landing_company_year.company_id, landing_company_year.year, landing_company_year.releases, landing_company_year.budget, landing_company_year.budget_known, landing_company_year.revenue, landing_company_year.revenue_known, landing_company_year.profit, landing_company_year.profit_known, landing_company_year.popularity, landing_company_year.popularity_known, landing_company_year.avg_popularity
FROM landing_company_year
WHERE landing_company_year.run_id = '20260102T030405678900Z-abcdef' AND landing_company_year.way = 'copy';

DELETE FROM landing_company_year WHERE landing_company_year.run_id = '20260102T030405678900Z-abcdef';

INSERT INTO mart_company_genre_year (run, company_id, genre_id, year, releases, budget, budget_known, revenue, revenue_known, profit, profit_known, popularity, popularity_known, avg_popularity) SELECT 1 AS run, landing_company_genre_year.company_id, landing_company_genre_year.genre_id, landing_company_genre_year.year, landing_company_genre_year.releases, landing_company_genre_year.budget, landing_company_genre_year.budget_known, landing_company_genre_year.revenue, landing_company_genre_year.revenue_known, landing_company_genre_year.profit, landing_company_genre_year.profit_known, landing_company_genre_year.popularity, landing_company_genre_year.popularity_known, landing_company_genre_year.avg_popularity
FROM landing_company_genre_year
WHERE landing_company_genre_year.run_id = '20260102T030405678900Z-abcdef' AND landing_company_genre_year.way = 'copy';

DELETE FROM landing_company_genre_year WHERE landing_company_genre_year.run_id = '20260102T030405678900Z-abcdef';

INSERT INTO dim_genre (run, id, name, slug) SELECT 1 AS run, landing_genre.id, landing_genre.name, landing_genre.slug
FROM landing_genre
WHERE landing_genre.run_id = '20260102T030405678900Z-abcdef' AND landing_genre.way = 'copy';

DELETE FROM landing_genre WHERE landing_genre.run_id = '20260102T030405678900Z-abcdef';

INSERT INTO dim_production_company (run, id, name) SELECT 1 AS run, landing_production_company.id, landing_production_company.name
FROM landing_production_company
WHERE landing_production_company.run_id = '20260102T030405678900Z-abcdef' AND landing_production_company.way = 'copy';

DELETE FROM landing_production_company WHERE landing_production_company.run_id = '20260102T030405678900Z-abcdef';
