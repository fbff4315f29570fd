-- What preflight asks a database, and nothing that changes one. Each query stands under its id; `@master` runs in master.
-- Checked by a T-SQL parser in the tests; never run against a SQL engine here.

-- P01 External references (three- or four-part names) in views, procedures, functions, triggers
SELECT OBJECT_SCHEMA_NAME(d.referencing_id) AS s, OBJECT_NAME(d.referencing_id) AS o, d.referencing_class_desc, (SELECT r.type_desc FROM sys.objects AS r WHERE r.object_id = d.referencing_id) AS referencing_type, d.referenced_server_name, d.referenced_database_name, d.referenced_schema_name, d.referenced_entity_name, CASE WHEN d.referenced_server_name IS NULL AND d.referenced_database_name = DB_NAME() THEN 'SELF' ELSE 'EXTERNAL' END AS kind FROM sys.sql_expression_dependencies AS d WHERE d.referenced_database_name IS NOT NULL OR d.referenced_server_name IS NOT NULL;

-- P02 Synonyms of objects elsewhere
SELECT SCHEMA_NAME(schema_id) AS s, name, base_object_name, PARSENAME(base_object_name, 4) AS srv, PARSENAME(base_object_name, 3) AS db FROM sys.synonyms WHERE PARSENAME(base_object_name, 3) IS NOT NULL OR PARSENAME(base_object_name, 4) IS NOT NULL;

-- P04 Windows users and groups
SELECT name, type_desc, authentication_type_desc, default_schema_name FROM sys.database_principals WHERE type IN ('U', 'G') OR authentication_type = 3;

-- P05 Users mapped to a certificate or an asymmetric key
SELECT name, type_desc FROM sys.database_principals WHERE type IN ('C', 'K') AND name NOT LIKE '##%';

-- P06 SQL users that stand for a login; the login's sid tells whether it still exists
SELECT p.name, p.sid, p.authentication_type_desc FROM sys.database_principals AS p WHERE p.type = 'S' AND p.principal_id > 4 AND p.authentication_type = 1 AND p.sid IS NOT NULL;

-- P06b @master The logins that there are
SELECT name, sid, is_disabled FROM sys.sql_logins;

-- P07 Entra users and groups
SELECT name, type_desc, authentication_type_desc, sid FROM sys.database_principals WHERE type IN ('E', 'X');

-- P08 External data sources
SELECT ds.name, ds.type_desc, ds.location, ds.database_name, c.name AS credential_name FROM sys.external_data_sources AS ds LEFT JOIN sys.database_scoped_credentials AS c ON c.credential_id = ds.credential_id;

-- P08b External tables
SELECT SCHEMA_NAME(t.schema_id) AS s, t.name FROM sys.external_tables AS t;

-- P09 Database scoped credentials
SELECT name, credential_identity, create_date FROM sys.database_scoped_credentials;

-- P10 Certificates and keys
SELECT 'CERT' AS k, name, pvt_key_encryption_type_desc AS e FROM sys.certificates WHERE name NOT LIKE '##%' UNION ALL SELECT 'SYM', name, algorithm_desc FROM sys.symmetric_keys WHERE name NOT LIKE '##%' UNION ALL SELECT 'ASYM', name, algorithm_desc FROM sys.asymmetric_keys;

-- V01 Rows of every table
SELECT SCHEMA_NAME(t.schema_id) AS s, t.name AS t, SUM(p.row_count) AS n FROM sys.dm_db_partition_stats AS p JOIN sys.tables AS t ON t.object_id = p.object_id WHERE p.index_id IN (0, 1) AND t.is_ms_shipped = 0 AND t.is_external = 0 GROUP BY t.schema_id, t.name;

-- S01 Space that the tables' rows take
SELECT SUM(p.used_page_count) * 8192 AS data_bytes FROM sys.dm_db_partition_stats AS p JOIN sys.tables AS t ON t.object_id = p.object_id WHERE p.index_id IN (0, 1) AND t.is_ms_shipped = 0;
