//! When alerts fire, escalate and resolve.

use super::*;

fn rules() -> Rules {
    Rules { down_for: 300.0, escalate_every: 900.0, channels: vec![Channel::Email, Channel::Slack] }
}

/// What is new at each of these moments while a service is down.
fn down_at(book: &mut Book, moments: &[f64]) -> Vec<Option<News>> {
    let at = |&now: &f64| book.note(now, "git-service", "Git Service", false, &rules()).map(|(news, _)| news);
    moments.iter().map(at).collect()
}

#[test]
fn an_alert_fires_after_five_minutes_and_once() {
    let mut book = Book::default();
    let news = down_at(&mut book, &[1000.0, 1060.0, 1299.9, 1300.0, 1360.0]);
    assert_eq!(news, [None, None, None, Some(News::Fired), None]);
    assert_eq!(book.alerts().count(), 1);
    assert!(book.note(1360.0, "auth-service", "Auth Service", true, &rules()).is_none());
}

#[test]
fn an_outage_that_ends_early_does_not_count_towards_the_next() {
    let mut book = Book::default();
    down_at(&mut book, &[1000.0, 1240.0]);
    assert!(book.note(1290.0, "git-service", "Git Service", true, &rules()).is_none());
    assert_eq!(down_at(&mut book, &[1300.0, 1540.0, 1600.0]), [None, None, Some(News::Fired)]);
}

#[test]
fn it_escalates_every_quarter_of_an_hour() {
    let mut book = Book::default();
    let news = down_at(&mut book, &[0.0, 300.0, 1199.0, 1200.0, 1260.0, 2100.0]);
    let escalated = |count| Some(News::Escalated(count));
    assert_eq!(news, [None, Some(News::Fired), None, escalated(1), None, escalated(2)]);
}

#[test]
fn each_outage_has_a_record_of_its_own() {
    let mut book = Book::default();
    down_at(&mut book, &[0.0, 300.0]);
    let (news, ended) = book.note(360.0, "git-service", "Git Service", true, &rules()).expect("it ends");
    assert_eq!((news, ended.resolved, ended.down_seconds(9999.0)), (News::Resolved, Some(360.0), 360.0));
    down_at(&mut book, &[1000.0, 1300.0]);
    let ids: Vec<(&str, bool)> = book.alerts().map(|alert| (alert.id.as_str(), alert.is_active())).collect();
    assert_eq!(ids, [("service_down_git-service_1000000", true), ("service_down_git-service_0", false)]);
}

#[test]
fn what_could_not_be_delivered_waits_per_channel() {
    let mut book = Book::default();
    down_at(&mut book, &[0.0, 300.0]);
    let (alert, notice) = book.waiting(Channel::Email).remove(0);
    book.delivered(&alert.id, &notice);
    assert!(book.waiting(Channel::Email).is_empty());
    down_at(&mut book, &[1200.0, 2100.0]);
    let news = |channel| book.waiting(channel).into_iter().map(|(_, notice)| notice.news).collect::<Vec<_>>();
    assert_eq!(news(Channel::Email), [News::Escalated(2)]);
    assert_eq!(news(Channel::Slack), [News::Fired, News::Escalated(2)]);
}

#[test]
fn a_new_process_goes_on_where_the_last_one_ended() {
    let mut book = Book::default();
    down_at(&mut book, &[0.0, 240.0]);
    let kept = serde_json::to_string(&book).expect("is JSON");
    let mut next = Book::default();
    next.take_over(serde_json::from_str(&kept).expect("reads what it wrote"));
    assert_eq!(down_at(&mut next, &[300.0]), [Some(News::Fired)]);
}

#[test]
fn a_clock_that_was_put_back_delays_nothing_for_ever() {
    let mut book = Book::default();
    assert_eq!(down_at(&mut book, &[5000.0, 100.0, 399.0, 400.0]), [None, None, None, Some(News::Fired)]);
}
