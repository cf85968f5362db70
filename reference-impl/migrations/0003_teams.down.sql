drop table teams;
