drop table mentions;
