alter table users drop column preferences;
