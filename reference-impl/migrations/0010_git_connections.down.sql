drop table git_connections;
