//! The thirteen containers of the compose file: their names, and how one is asked what it reaches.

use crate::check::{Case, Matcher, Seen, Stop, such_that};
use crate::target::Service;

/// The stores beside the ten services.
pub const STORES: [&str; 3] = ["postgres", "redis", "minio"];

/// All thirteen services of the compose file.
pub fn thirteen() -> impl Iterator<Item = &'static str> {
    Service::ALL.into_iter().map(Service::name).chain(STORES)
}

/// Looks up each name, and prints it with the first address it has, if any.
const RESOLVE: &str =
    r#"for name; do echo "$name $(timeout 3 getent hosts "$name" | head -n 1 | cut -d ' ' -f 1)"; done"#;

/// Opens a connection to each `HOST:PORT`, by whatever the image has, and prints which were reached; 97 where it has nothing.
const CONNECT: &str = r#"
if command -v bash >/dev/null; then
    connect() { timeout 2 bash -c 'exec 3<>"/dev/tcp/$0/$1"' "$1" "$2" 2>/dev/null; }
elif command -v nc >/dev/null; then
    connect() { nc -z -w 2 "$1" "$2" 2>/dev/null; }
elif command -v python3 >/dev/null; then
    connect() { timeout 2 python3 -c 'import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])))' "$1" "$2" 2>/dev/null; }
else
    exit 97
fi
for place; do
    { connect "${place%:*}" "${place##*:}" && echo "reached $place" || echo "not reached $place"; } &
done
wait
"#;

/// What the container of a service makes of these names: `/exit`, and `/output` with a line `NAME ADDRESS` for each.
pub async fn resolve(case: &mut Case, inside: &str, names: &[&str]) -> Result<Seen, Stop> {
    case.run_inside(inside, &[&["sh", "-c", RESOLVE, "sh"], names].concat()).await
}

/// Which of these `HOST:PORT` the container of a service reaches: `/exit`, and `/output` with a line for each.
pub async fn connect(case: &mut Case, inside: &str, places: &[&str]) -> Result<Seen, Stop> {
    case.run_inside(inside, &[&["sh", "-c", CONNECT, "sh"], places].concat()).await
}

/// The container of a service, among those of [`Case::containers`].
pub fn container(all: &Seen, service: &str) -> Seen {
    all.key(service).at("/0")
}

/// The addresses of a container.
pub fn addresses(container: &Seen) -> Vec<String> {
    let networks = container.at("/networks");
    let address = |name: String| networks.key(&name).text().map(str::to_owned);
    networks.keys().into_iter().filter_map(address).collect()
}

/// Output in which a name has one of these addresses.
pub fn leads_to(name: &str, addresses: Vec<String>) -> Matcher {
    let name = format!("{name} ");
    such_that(format!("{name}{}", addresses.join(" or ")), move |output| {
        let lines = output.as_str().unwrap_or_default().lines();
        let mut found = lines.filter_map(|line| line.strip_prefix(&name));
        found.next().is_some_and(|address| addresses.iter().any(|one| one == address))
    })
}
