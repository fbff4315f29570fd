-- What preflight asks a database, and nothing that changes one. Each query stands under its id; `@master` runs in master,
-- `@instance` on managed instances only, `@repair` only where the staging copy may be mended, `@restored` only of a database
-- that was restored.
-- Checked by a T-SQL parser in the tests; never run against a SQL engine here.

-- P01 External references (three- or four-part names) in views, procedures, functions, triggers
SELECT OBJECT_SCHEMA_NAME(d.referencing_id) AS s, COALESCE(OBJECT_NAME(d.referencing_id), (SELECT g.name FROM sys.triggers AS g WHERE g.object_id = d.referencing_id)) AS o, d.referencing_class_desc, COALESCE((SELECT r.type_desc FROM sys.objects AS r WHERE r.object_id = d.referencing_id), (SELECT g.type_desc FROM sys.triggers AS g WHERE g.object_id = d.referencing_id)) AS referencing_type, d.referenced_server_name, d.referenced_database_name, d.referenced_schema_name, d.referenced_entity_name, CASE WHEN d.referenced_server_name IS NULL AND d.referenced_database_name = DB_NAME() THEN 'SELF' ELSE 'EXTERNAL' END AS kind FROM sys.sql_expression_dependencies AS d WHERE d.referenced_database_name IS NOT NULL OR d.referenced_server_name IS NOT NULL;

-- P01b Rows from elsewhere by OPENQUERY, OPENROWSET or OPENDATASOURCE
SELECT OBJECT_SCHEMA_NAME(m.object_id) AS s, COALESCE(OBJECT_NAME(m.object_id), (SELECT g.name FROM sys.triggers AS g WHERE g.object_id = m.object_id)) AS o, COALESCE((SELECT r.type_desc FROM sys.objects AS r WHERE r.object_id = m.object_id), (SELECT g.type_desc FROM sys.triggers AS g WHERE g.object_id = m.object_id)) AS referencing_type, f.function_name FROM sys.sql_modules AS m JOIN (SELECT 'OPENQUERY' AS function_name UNION ALL SELECT 'OPENROWSET' UNION ALL SELECT 'OPENDATASOURCE') AS f ON CHARINDEX(f.function_name, UPPER(m.definition)) > 0;

-- P02 Synonyms of objects elsewhere
SELECT SCHEMA_NAME(schema_id) AS s, name, base_object_name, PARSENAME(base_object_name, 4) AS srv, PARSENAME(base_object_name, 3) AS db FROM sys.synonyms WHERE PARSENAME(base_object_name, 3) IS NOT NULL OR PARSENAME(base_object_name, 4) IS NOT NULL;

-- P03 Names of things that do not exist
SELECT OBJECT_SCHEMA_NAME(d.referencing_id) AS s, COALESCE(OBJECT_NAME(d.referencing_id), (SELECT g.name FROM sys.triggers AS g WHERE g.object_id = d.referencing_id)) AS o, r.type_desc AS referencing_type, d.referenced_schema_name, d.referenced_entity_name FROM sys.sql_expression_dependencies AS d JOIN sys.objects AS r ON r.object_id = d.referencing_id WHERE d.referenced_id IS NULL AND d.referenced_database_name IS NULL AND d.referenced_server_name IS NULL AND d.is_ambiguous = 0 AND d.is_caller_dependent = 0 AND d.referenced_class = 1 AND r.is_ms_shipped = 0 AND r.type IN ('V', 'P', 'FN', 'IF', 'TF', 'TR') AND OBJECT_ID(QUOTENAME(COALESCE(d.referenced_schema_name, OBJECT_SCHEMA_NAME(d.referencing_id))) + '.' + QUOTENAME(d.referenced_entity_name)) IS NULL AND OBJECT_ID('dbo.' + QUOTENAME(d.referenced_entity_name)) IS NULL AND OBJECT_ID('sys.' + QUOTENAME(d.referenced_entity_name)) IS NULL AND TYPE_ID(QUOTENAME(COALESCE(d.referenced_schema_name, 'dbo')) + '.' + QUOTENAME(d.referenced_entity_name)) IS NULL;

-- P03b Views that cannot be read; 4413 is one that stands on such a view
SELECT SCHEMA_NAME(v.schema_id) AS s, v.name AS o, r.error_number, r.error_message FROM sys.views AS v CROSS APPLY sys.dm_exec_describe_first_result_set(N'SELECT * FROM ' + QUOTENAME(SCHEMA_NAME(v.schema_id)) + N'.' + QUOTENAME(v.name), NULL, 0) AS r WHERE v.is_ms_shipped = 0 AND r.error_number IS NOT NULL AND r.error_number <> 4413;

-- P04 Windows users and groups
SELECT name, type_desc, authentication_type_desc, default_schema_name FROM sys.database_principals WHERE type IN ('U', 'G') OR authentication_type = 3;

-- P05 Users mapped to a certificate or an asymmetric key
SELECT name, type_desc FROM sys.database_principals WHERE type IN ('C', 'K') AND name NOT LIKE '##%';

-- P06 SQL users that stand for a login; the login's sid tells whether it still exists
SELECT p.name, p.sid, p.authentication_type_desc, p.default_schema_name FROM sys.database_principals AS p WHERE p.type = 'S' AND p.principal_id > 4 AND p.authentication_type = 1 AND p.sid IS NOT NULL;

-- P06b @master The logins that there are
SELECT name, sid, is_disabled FROM sys.sql_logins;

-- P07 Entra users and groups
SELECT name, type_desc, authentication_type_desc, sid FROM sys.database_principals WHERE type IN ('E', 'X');

-- P08 External data sources
SELECT ds.name, ds.type_desc, ds.location, ds.database_name, c.name AS credential_name FROM sys.external_data_sources AS ds LEFT JOIN sys.database_scoped_credentials AS c ON c.credential_id = ds.credential_id;

-- P08b External tables
SELECT SCHEMA_NAME(t.schema_id) AS s, t.name FROM sys.external_tables AS t;

-- P08c External file formats
SELECT name FROM sys.external_file_formats;

-- P09 Database scoped credentials, and whether there is a master key
SELECT name, credential_identity, create_date, (SELECT COUNT(*) FROM sys.symmetric_keys AS k WHERE k.name = '##MS_DatabaseMasterKey##') AS master_keys FROM sys.database_scoped_credentials;

-- P10 Certificates and keys
SELECT 'CERT' AS k, name, pvt_key_encryption_type_desc AS e FROM sys.certificates WHERE name NOT LIKE '##%' UNION ALL SELECT 'SYM', name, algorithm_desc FROM sys.symmetric_keys WHERE name NOT LIKE '##%' UNION ALL SELECT 'ASYM', name, algorithm_desc FROM sys.asymmetric_keys;

-- P11 Memory-optimised tables
SELECT SCHEMA_NAME(schema_id) AS s, name, durability_desc FROM sys.tables WHERE is_memory_optimized = 1;

-- P11b Natively compiled code
SELECT OBJECT_SCHEMA_NAME(m.object_id) AS s, COALESCE(OBJECT_NAME(m.object_id), (SELECT g.name FROM sys.triggers AS g WHERE g.object_id = m.object_id)) AS o, COALESCE((SELECT r.type_desc FROM sys.objects AS r WHERE r.object_id = m.object_id), (SELECT g.type_desc FROM sys.triggers AS g WHERE g.object_id = m.object_id)) AS referencing_type FROM sys.sql_modules AS m WHERE m.uses_native_compilation = 1;

-- P11c Memory-optimised table types
SELECT SCHEMA_NAME(schema_id) AS s, name FROM sys.table_types WHERE is_memory_optimized = 1;

-- P12 Ledger tables
SELECT SCHEMA_NAME(schema_id) AS s, name, ledger_type_desc FROM sys.tables WHERE ledger_type IN (2, 3) AND is_dropped_ledger_table = 0;

-- P12b Permissions on dropped ledger tables
SELECT SCHEMA_NAME(t.schema_id) AS s, t.name, p.permission_name, p.state_desc, USER_NAME(p.grantee_principal_id) AS grantee FROM sys.tables AS t JOIN sys.database_permissions AS p ON p.class = 1 AND p.major_id = t.object_id WHERE t.is_dropped_ledger_table = 1;

-- P13 Temporal tables
SELECT SCHEMA_NAME(t.schema_id) AS s, t.name, OBJECT_SCHEMA_NAME(t.history_table_id) AS hs, OBJECT_NAME(t.history_table_id) AS h, t.history_retention_period, t.history_retention_period_unit_desc FROM sys.tables AS t WHERE t.temporal_type = 2;

-- P14 Members of the roles of change data capture
SELECT r.name AS role_name, m.name AS member_name FROM sys.database_role_members AS x JOIN sys.database_principals AS r ON r.principal_id = x.role_principal_id JOIN sys.database_principals AS m ON m.principal_id = x.member_principal_id WHERE r.name IN ('db_cdcreader', 'cdc_admin') AND m.name <> 'dbo';

-- P14b Whether change data capture is switched on
SELECT name, is_cdc_enabled FROM sys.databases WHERE name = DB_NAME() AND is_cdc_enabled = 1;

-- P15 Indexes on columns that are encrypted at random
SELECT SCHEMA_NAME(t.schema_id) AS s, t.name AS t, c.name AS c, i.name AS i, 'INDEX' AS k FROM sys.columns AS c JOIN sys.tables AS t ON t.object_id = c.object_id JOIN sys.index_columns AS x ON x.object_id = c.object_id AND x.column_id = c.column_id JOIN sys.indexes AS i ON i.object_id = x.object_id AND i.index_id = x.index_id WHERE c.encryption_type = 2 UNION ALL SELECT SCHEMA_NAME(t.schema_id), t.name, c.name, a.name, 'STATISTICS' FROM sys.columns AS c JOIN sys.tables AS t ON t.object_id = c.object_id JOIN sys.stats_columns AS x ON x.object_id = c.object_id AND x.column_id = c.column_id JOIN sys.stats AS a ON a.object_id = x.object_id AND a.stats_id = x.stats_id WHERE c.encryption_type = 2 AND NOT EXISTS (SELECT 1 FROM sys.indexes AS i WHERE i.object_id = a.object_id AND i.name = a.name);

-- P16 Large heaps
SELECT SCHEMA_NAME(t.schema_id) AS s, t.name, SUM(p.row_count) AS n, SUM(p.reserved_page_count) * 8 / 1024 AS mb FROM sys.dm_db_partition_stats AS p JOIN sys.tables AS t ON t.object_id = p.object_id WHERE p.index_id = 0 AND t.is_memory_optimized = 0 GROUP BY t.schema_id, t.name HAVING SUM(p.reserved_page_count) * 8 / 1024 > 1024;

-- P17 @instance FILESTREAM columns
SELECT SCHEMA_NAME(t.schema_id) AS s, t.name AS t, c.name AS c FROM sys.columns AS c JOIN sys.tables AS t ON t.object_id = c.object_id WHERE c.is_filestream = 1;

-- P17b @instance CLR assemblies
SELECT name FROM sys.assemblies WHERE is_user_defined = 1;

-- P17c @instance Service Broker
SELECT 'SERVICE' AS k, NULL AS s, name FROM sys.services WHERE name NOT LIKE 'http://schemas.microsoft.com/%' UNION ALL SELECT 'QUEUE', SCHEMA_NAME(schema_id), name FROM sys.service_queues WHERE is_ms_shipped = 0 UNION ALL SELECT 'CONTRACT', NULL, name FROM sys.service_contracts WHERE name NOT LIKE 'http://schemas.microsoft.com/%' AND name <> 'DEFAULT' UNION ALL SELECT 'MESSAGE TYPE', NULL, name FROM sys.service_message_types WHERE name NOT LIKE 'http://schemas.microsoft.com/%' AND name <> 'DEFAULT';

-- P17d Numbered procedures
SELECT DISTINCT OBJECT_SCHEMA_NAME(n.object_id) AS s, OBJECT_NAME(n.object_id) AS o FROM sys.numbered_procedures AS n;

-- P18 Encrypted code
SELECT OBJECT_SCHEMA_NAME(m.object_id) AS s, COALESCE(OBJECT_NAME(m.object_id), (SELECT g.name FROM sys.triggers AS g WHERE g.object_id = m.object_id)) AS o, COALESCE((SELECT r.type_desc FROM sys.objects AS r WHERE r.object_id = m.object_id), (SELECT g.type_desc FROM sys.triggers AS g WHERE g.object_id = m.object_id)) AS referencing_type FROM sys.sql_modules AS m WHERE OBJECTPROPERTY(m.object_id, 'IsEncrypted') = 1;

-- P19 Default constraints with a name such as the engine gives
SELECT OBJECT_SCHEMA_NAME(parent_object_id) AS s, name, OBJECT_NAME(parent_object_id) AS t FROM sys.default_constraints WHERE is_system_named = 0 AND name LIKE 'DF[_][_]%';

-- P20 Columns of types that have failed
SELECT SCHEMA_NAME(t.schema_id) AS s, t.name AS t, c.name AS c, ty.name AS ty, c.is_nullable, CASE WHEN EXISTS (SELECT 1 FROM sys.columns AS n WHERE n.object_id = c.object_id AND n.column_id > c.column_id AND n.is_computed = 0) THEN 1 ELSE 0 END AS is_followed FROM sys.columns AS c JOIN sys.tables AS t ON t.object_id = c.object_id JOIN sys.types AS ty ON ty.user_type_id = c.user_type_id WHERE ty.name IN ('json', 'vector', 'sql_variant') AND t.is_external = 0;

-- P21 Special characters in the names of tables
SELECT SCHEMA_NAME(schema_id) AS s, name FROM sys.tables WHERE is_external = 0 AND (name LIKE '%[/"$\]%' OR name LIKE '% ' OR SCHEMA_NAME(schema_id) LIKE '%[/"$\]%');

-- P22 Constraints that are disabled or not trusted
SELECT 'FK' AS k, OBJECT_SCHEMA_NAME(parent_object_id) AS s, name, is_disabled, is_not_trusted FROM sys.foreign_keys WHERE is_disabled = 1 OR is_not_trusted = 1 UNION ALL SELECT 'CK', OBJECT_SCHEMA_NAME(parent_object_id), name, is_disabled, is_not_trusted FROM sys.check_constraints WHERE is_disabled = 1 OR is_not_trusted = 1;

-- P23 The key that encrypts the database at rest
SELECT DB_NAME() AS name, encryptor_type, CONVERT(varchar(80), encryptor_thumbprint, 2) AS thumbprint FROM sys.dm_database_encryption_keys WHERE database_id = DB_ID() AND encryptor_type = 'ASYMMETRIC KEY';

-- P24 Code with surrogate characters; whether one stands alone is decided on its bytes
SELECT OBJECT_SCHEMA_NAME(m.object_id) AS s, COALESCE(OBJECT_NAME(m.object_id), (SELECT g.name FROM sys.triggers AS g WHERE g.object_id = m.object_id)) AS o, COALESCE((SELECT r.type_desc FROM sys.objects AS r WHERE r.object_id = m.object_id), (SELECT g.type_desc FROM sys.triggers AS g WHERE g.object_id = m.object_id)) AS referencing_type, CONVERT(varbinary(max), m.definition) AS script FROM sys.sql_modules AS m WHERE PATINDEX(N'%[' + NCHAR(55296) + N'-' + NCHAR(57343) + N']%', m.definition COLLATE Latin1_General_BIN2) > 0;

-- V01 Rows of every table
SELECT SCHEMA_NAME(t.schema_id) AS s, t.name AS t, SUM(p.row_count) AS n FROM sys.dm_db_partition_stats AS p JOIN sys.tables AS t ON t.object_id = p.object_id WHERE p.index_id IN (0, 1) AND t.is_ms_shipped = 0 AND t.is_external = 0 GROUP BY t.schema_id, t.name;

-- S01 Space that the tables' rows take
SELECT SUM(p.used_page_count) * 8192 AS data_bytes FROM sys.dm_db_partition_stats AS p JOIN sys.tables AS t ON t.object_id = p.object_id WHERE p.index_id IN (0, 1) AND t.is_ms_shipped = 0;

-- R01 @repair Scripts of code that names what is missing or outside, and of all views
SELECT OBJECT_SCHEMA_NAME(m.object_id) AS s, COALESCE(OBJECT_NAME(m.object_id), g.name) AS o, COALESCE((SELECT r.type_desc FROM sys.objects AS r WHERE r.object_id = m.object_id), g.type_desc) AS referencing_type, m.definition, m.uses_ansi_nulls, m.uses_quoted_identifier, OBJECT_SCHEMA_NAME(g.parent_id) AS parent_s, OBJECT_NAME(g.parent_id) AS parent_o, g.is_disabled FROM sys.sql_modules AS m LEFT JOIN sys.triggers AS g ON g.object_id = m.object_id WHERE m.object_id IN (SELECT v.object_id FROM sys.views AS v) OR m.object_id IN (SELECT d.referencing_id FROM sys.sql_expression_dependencies AS d WHERE d.referenced_id IS NULL OR d.referenced_database_name IS NOT NULL OR d.referenced_server_name IS NOT NULL);

-- R02 @repair What stands on code, synonyms and external tables
SELECT OBJECT_SCHEMA_NAME(d.referencing_id) AS s, OBJECT_NAME(d.referencing_id) AS o, r.type_desc AS referencing_type, OBJECT_SCHEMA_NAME(d.referenced_id) AS on_s, OBJECT_NAME(d.referenced_id) AS on_o, d.is_schema_bound_reference FROM sys.sql_expression_dependencies AS d JOIN sys.objects AS r ON r.object_id = d.referencing_id JOIN sys.objects AS t ON t.object_id = d.referenced_id WHERE d.referenced_class = 1 AND (t.type IN ('V', 'P', 'FN', 'IF', 'TF', 'SN') OR t.object_id IN (SELECT e.object_id FROM sys.external_tables AS e));

-- R03 @repair Permissions on the database, its schemas and objects
SELECT p.class_desc, p.state_desc, p.permission_name, g.name AS grantee, CASE p.class WHEN 1 THEN OBJECT_SCHEMA_NAME(p.major_id) WHEN 3 THEN SCHEMA_NAME(p.major_id) END AS s, CASE p.class WHEN 1 THEN OBJECT_NAME(p.major_id) END AS o, CASE WHEN p.class = 1 AND p.minor_id > 0 THEN COL_NAME(p.major_id, p.minor_id) END AS c FROM sys.database_permissions AS p JOIN sys.database_principals AS g ON g.principal_id = p.grantee_principal_id WHERE p.class IN (0, 1, 3) AND p.major_id >= 0;

-- R04 @repair Members of roles
SELECT r.name AS role_name, m.name AS member_name FROM sys.database_role_members AS x JOIN sys.database_principals AS r ON r.principal_id = x.role_principal_id JOIN sys.database_principals AS m ON m.principal_id = x.member_principal_id;

-- R05 @repair What users own
SELECT 'SCHEMA' AS k, s.name, p.name AS owner FROM sys.schemas AS s JOIN sys.database_principals AS p ON p.principal_id = s.principal_id UNION ALL SELECT 'ROLE', r.name, p.name FROM sys.database_principals AS r JOIN sys.database_principals AS p ON p.principal_id = r.owning_principal_id WHERE r.type = 'R';

-- R06 @repair Columns of external tables
SELECT SCHEMA_NAME(t.schema_id) AS s, t.name AS t, c.name AS c, ty.name AS ty, c.max_length, c.precision, c.scale, c.is_nullable, c.collation_name, ds.name AS data_source_name, t.location, t.remote_schema_name, t.remote_object_name FROM sys.external_tables AS t JOIN sys.columns AS c ON c.object_id = t.object_id JOIN sys.types AS ty ON ty.user_type_id = c.user_type_id LEFT JOIN sys.external_data_sources AS ds ON ds.data_source_id = t.data_source_id ORDER BY t.object_id, c.column_id;

-- V02 @restored Objects by kind
SELECT o.type_desc AS k, COUNT(*) AS n FROM sys.objects AS o WHERE o.is_ms_shipped = 0 AND o.type <> 'TT' AND NOT EXISTS (SELECT 1 FROM sys.table_types AS y WHERE y.type_table_object_id = o.parent_object_id) AND NOT EXISTS (SELECT 1 FROM sys.external_tables AS x WHERE x.object_id = o.object_id) GROUP BY o.type_desc UNION ALL SELECT 'TABLE_TYPE', COUNT(*) FROM sys.table_types UNION ALL SELECT 'INDEX', COUNT(*) FROM sys.indexes AS i JOIN sys.objects AS o ON o.object_id = i.object_id WHERE o.type IN ('U', 'V') AND o.is_ms_shipped = 0 AND i.type > 0 AND i.is_primary_key = 0 AND i.is_unique_constraint = 0 UNION ALL SELECT 'SCHEMA', COUNT(*) FROM sys.schemas WHERE schema_id > 4 AND schema_id < 16384 UNION ALL SELECT 'DATABASE_ROLE', COUNT(*) FROM sys.database_principals WHERE type = 'R' AND is_fixed_role = 0 AND name <> 'public';
