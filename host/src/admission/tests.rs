//! Who gets a place when many ask for one.

use std::sync::Mutex;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::task::JoinHandle;

use super::*;

/// The app of this number. The tens say of which org.
fn holder(app: i64) -> Holder {
    Holder {
        org: OrgId(app / 10),
        app: AppId(app),
    }
}

/// Lets everything that can go on do so.
async fn settle() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

/// Holds a place, once it has got one, until it is aborted.
fn hold(places: &Places, app: i64) -> JoinHandle<()> {
    let share = places.of(holder(app));
    tokio::spawn(async move {
        let _place = Place::in_turn(share).await;
        std::future::pending().await
    })
}

fn taken(places: &Places, app: i64) -> usize {
    places.of(holder(app)).taken()
}

/// Of an org, by one of its apps.
fn taken_of_org(places: &Places, app: i64) -> usize {
    let share = places.of(holder(app));
    share.above.as_ref().map_or(0, |org| org.taken())
}

#[test]
fn an_org_has_its_percent_or_what_its_app_may_have() {
    let sizes = |host, org, app| Sizes { host, org, app };
    assert_eq!(Sizes::new(64, 50, 16), sizes(64, 32, 16));
    assert_eq!(Sizes::new(5, 50, 1), sizes(5, 3, 1));
    assert_eq!(Sizes::new(4, 50, 4), sizes(4, 4, 4));
    assert_eq!(Sizes::new(4, 100, 9), sizes(4, 4, 4));
    assert_eq!(Sizes::of_orgs(1, 50), sizes(1, 1, 1));
    assert_eq!(Sizes::new(0, 50, 8), sizes(0, 0, 0));
    assert!(Place::now(Places::new(Sizes::new(0, 50, 8)).of(holder(10))).is_none());
}

#[tokio::test]
async fn many_apps_of_an_org_leave_another_its_share() {
    let places = Places::new(Sizes::new(8, 50, 2));
    let flood: Vec<_> = (0..100).map(|n| hold(&places, 10 + n % 10)).collect();
    settle().await;
    assert_eq!((taken_of_org(&places, 10), places.taken()), (4, 4));
    let share = [20, 21].map(|app| places.of(holder(app)));
    let enter = |n: usize| Place::in_turn(&*share[n % 2]).now_or_never();
    let theirs: Vec<_> = (0..4).map_while(enter).collect();
    assert_eq!(theirs.len(), 4, "they had to wait for somebody else");
    assert_eq!((taken(&places, 20), taken(&places, 21)), (2, 2));
    flood.iter().for_each(JoinHandle::abort);
    drop(theirs);
    settle().await;
    assert_eq!(places.taken(), 0);
    assert_eq!((taken(&places, 15), taken_of_org(&places, 15)), (0, 0));
}

/// In which order these get a place who come one after the other, when all are taken by `holding`, and then one of
/// those is free. Each gives its place back at once.
async fn order(places: &Places, holding: &[i64], coming: &[i64]) -> Vec<i64> {
    let held: Vec<_> = holding.iter().map(|app| hold(places, *app)).collect();
    settle().await;
    assert_eq!(places.taken(), holding.len());
    let order = Arc::new(Mutex::new(Vec::new()));
    let mut waiting = Vec::new();
    for app in coming {
        let (app, share, order) = (*app, places.of(holder(*app)), order.clone());
        waiting.push(tokio::spawn(async move {
            let _place = Place::in_turn(share).await;
            order.lock().unwrap().push(app);
        }));
        settle().await;
    }
    assert!(order.lock().unwrap().is_empty());
    held[0].abort();
    for waiting in waiting {
        waiting.await.unwrap();
    }
    held.iter().for_each(JoinHandle::abort);
    settle().await;
    assert_eq!(places.taken(), 0);
    let order = order.lock().unwrap();
    order.clone()
}

#[tokio::test]
async fn orgs_take_turns_and_so_do_the_apps_of_one() {
    let places = Places::new(Sizes::of_orgs(1, 100));
    let coming = [10, 10, 10, 10, 11, 20, 30, 30];
    let order = order(&places, &[10], &coming).await;
    assert_eq!(order, [20, 30, 11, 30, 10, 10, 10, 10]);
}

#[tokio::test]
async fn of_those_who_wait_each_org_has_one_turn_at_a_time() {
    let places = Places::new(Sizes::new(4, 50, 2));
    let mut coming = vec![30];
    coming.extend((0..20).map(|n| 40 + n % 5));
    coming.push(50);
    let order = order(&places, &[10, 10, 20, 20], &coming).await;
    assert_eq!(order[..4], [30, 40, 50, 41]);
}

#[tokio::test]
async fn an_app_does_not_starve_another_one_of_its_org() {
    let places = Places::new(Sizes::new(8, 50, 2));
    let mut coming: Vec<_> = (0..50).map(|n| 10 + n % 5).collect();
    coming.push(19);
    let order = order(&places, &[15, 16, 17, 18], &coming).await;
    let before = order.iter().position(|app| *app == 19);
    assert_eq!(before, Some(5), "behind one of each: {order:?}");
}

#[test]
fn who_does_not_wait_leaves_some_to_those_who_have_none() {
    let places = Places::new(Sizes::new(12, 50, 6));
    let mut held = Vec::new();
    let mut ask = |org: i64| {
        let before = held.len();
        for n in 0..100 {
            let share = places.of(holder(10 * org + n % 10));
            held.extend(Place::now(share));
        }
        held.len() - before
    };
    assert_eq!(ask(1), 6, "alone it has all of its share");
    assert_eq!(ask(2), 3);
    assert!(ask(3) > 0 && ask(4) > 0, "nothing is left for a fourth");
    drop(held);
    assert_eq!(places.taken(), 0);
}

#[test]
fn who_has_most_gives_way() {
    let most = |kept: &[(i64, usize)]| {
        let kept = kept.iter().map(|(app, size)| (holder(*app), *size));
        who_has_most(kept).map(|holder| holder.app.0)
    };
    assert_eq!(most(&[]), None);
    assert_eq!(most(&[(10, 1), (20, 1), (30, 1)]), Some(10));
    assert_eq!(most(&[(10, 1), (20, 1), (30, 1), (20, 1)]), Some(20));
    // Many small ones of an org are more than a large one of another.
    assert_eq!(most(&[(10, 5), (20, 2), (21, 3), (22, 2)]), Some(21));
}

#[tokio::test]
async fn those_who_wait_are_bounded_and_those_who_leave_forgotten() {
    let places = Arc::new(Places::new(Sizes::of_orgs(1, 100)));
    let room = Arc::new(Places::new(Sizes::new(6, 50, 2)));
    let wait = |app| {
        let (share, room) = (places.of(holder(app)), room.of(holder(app)));
        tokio::spawn(async move { Place::waiting_in(share, &room).await.map(drop) })
    };
    let held = Place::in_turn(places.of(holder(10))).await;
    let waiting = [wait(10), wait(10), wait(20)];
    settle().await;
    assert_eq!(room.taken(), 3);
    let third = wait(10);
    settle().await;
    assert_eq!(third.now_or_never().unwrap().unwrap(), Err(Full));
    waiting[0].abort();
    waiting[2].abort();
    settle().await;
    assert_eq!(room.taken(), 1);
    drop(held);
    let [_, other, _] = waiting;
    assert_eq!(other.await.unwrap(), Ok(()));
    assert_eq!((places.taken(), room.taken()), (0, 0));
}

/// A call may have to wait for other things before it can take up its place, or be given up.
#[tokio::test]
async fn who_does_not_come_for_its_place_keeps_no_other_from_its_own() {
    let places = Places::new(Sizes::of_orgs(2, 50));
    let held = [10, 20].map(|app| hold(&places, app));
    settle().await;
    let mut idle = Box::pin(Place::in_turn(places.of(holder(30))));
    assert!(idle.as_mut().now_or_never().is_none());
    let others = [40, 50].map(|app| hold(&places, app));
    settle().await;
    held.iter().for_each(JoinHandle::abort);
    settle().await;
    assert_eq!((taken(&places, 40), places.taken()), (1, 2));
    drop(idle);
    settle().await;
    assert_eq!((taken(&places, 30), places.taken()), (0, 2), "it is 50's");
    // When nobody else wants it, it is free again.
    let mut idle = Box::pin(Place::in_turn(places.of(holder(30))));
    assert!(idle.as_mut().now_or_never().is_none());
    others.iter().for_each(JoinHandle::abort);
    settle().await;
    drop(idle);
    assert_eq!((taken(&places, 30), places.taken()), (0, 0));
}

/// However they come and go, nobody has more than it may, and in the end nothing is taken.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_place_is_given_twice_and_none_is_lost() {
    let places = Arc::new(Places::new(Sizes::new(6, 50, 2)));
    // How many there are of the host, of each org, and of each app.
    let there: Arc<[AtomicUsize; 51]> = Arc::new(std::array::from_fn(|_| AtomicUsize::new(0)));
    let tasks: Vec<_> = (0..2_000)
        .map(|n: u64| {
            let (there, app) = (there.clone(), 10 + (n * 7 % 40) as usize);
            let share = places.of(holder(app as i64));
            tokio::spawn(async move {
                let patience = Duration::from_micros(n * 37 % 5_000);
                let place = match n % 3 {
                    0 => Place::now(share),
                    _ => tokio::time::timeout(patience, Place::in_turn(share))
                        .await
                        .ok(),
                };
                let Some(place) = place else { return 0 };
                let counts = [(0, 6), (app / 10, 3), (app, 2)];
                for (of, max) in counts {
                    let of = &there[of];
                    assert!(of.fetch_add(1, SeqCst) < max);
                }
                tokio::task::yield_now().await;
                for (of, _) in counts {
                    there[of].fetch_sub(1, SeqCst);
                }
                drop(place);
                1
            })
        })
        .collect();
    let mut entered = 0;
    for task in tasks {
        entered += task.await.unwrap();
    }
    assert!(entered > 100, "{entered}");
    assert_eq!(places.taken(), 0);
    for app in 10..50 {
        let share = places.of(holder(app));
        for share in share.upwards() {
            let left = (share.taken(), share.waiting.load(SeqCst));
            assert_eq!(left, (0, 0), "{app}");
        }
    }
}
