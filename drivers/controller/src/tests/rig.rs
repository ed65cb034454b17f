// SPDX-License-Identifier: BSD-2-Clause
//! A controller, its driver, and two clients.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;

use molt_sensor_queue::{Answer, Client as Queue, Request, Server, Token, layout};

use super::fake::{Failed, Fake};
use crate::{Client, Driver, Error, Progress, Service, Transfer};

type Clock = Box<dyn Fn() -> u64>;

pub fn words(n: usize) -> &'static [AtomicU64] {
    (0..n).map(|_| AtomicU64::new(0)).collect::<Vec<_>>().leak()
}

pub struct Rig {
    pub fake: Fake,
    pub regions: [&'static [AtomicU64]; 2],
    pub clients: [Queue<'static>; 2],
    pub driver: Driver<'static, Fake, Clock>,
    /// What each client was answered, by its request.
    pub answers: [BTreeMap<Token, Answer>; 2],
    pub total: Progress,
}

impl Rig {
    /// With the driver of generation 0, which was given this firmware.
    pub fn new(fake: Fake, firmware: &'static [u8]) -> Self {
        let regions = [(); 2].map(|()| words(layout::words::<Request>()));
        let mut clients = regions.map(Queue::new);
        clients.iter_mut().for_each(|client| client.resume(0));
        let driver = driver(&fake, regions, 0, firmware).unwrap();
        Self {
            fake,
            regions,
            clients,
            driver,
            answers: Default::default(),
            total: Progress::default(),
        }
    }

    /// The next generation's driver, after a swap.
    pub fn swap(&mut self, generation: u64, firmware: &'static [u8]) {
        self.clients.iter_mut().for_each(|client| {
            client.close();
            client.resume(generation);
        });
        self.driver = driver(&self.fake, self.regions, generation, firmware).unwrap();
    }

    pub fn ask(&mut self, client: usize, sensor: u32) -> Token {
        self.clients[client].submit(&Request { sensor }).unwrap()
    }

    /// A millisecond, in which the driver is called until it has nothing to do.
    pub fn tick(&mut self) -> Result<(), Error<Failed>> {
        self.fake.0.borrow_mut().tick();
        self.pump()?;
        self.collect();
        Ok(())
    }

    /// Has the driver do what there is to do.
    pub fn pump(&mut self) -> Result<(), Error<Failed>> {
        loop {
            let progress = self.driver.pump()?;
            self.total.submitted += progress.submitted;
            self.total.completed += progress.completed;
            self.total.errors += progress.errors;
            if !progress.more {
                return Ok(());
            }
        }
    }

    /// Has the clients take their answers.
    pub fn collect(&mut self) {
        for (client, answers) in self.clients.iter_mut().zip(&mut self.answers) {
            while let Some(answer) = client.poll() {
                let (token, answer) = answer.expect("the driver keeps to the protocol");
                assert_eq!(answers.insert(token, answer), None, "answered once");
            }
        }
    }

    /// So many milliseconds.
    pub fn wait(&mut self, ms: u64) -> Result<(), Error<Failed>> {
        (0..ms).try_for_each(|_| self.tick())
    }

    /// Until the driver is ready; how long that took.
    pub fn until_ready(&mut self) -> Result<u64, Error<Failed>> {
        for ms in 0..20_000 {
            if self.driver.ready()? {
                return Ok(ms);
            }
            self.tick()?;
        }
        panic!("the driver does not become ready");
    }

    /// Until the transfer has ended, while client 0 reads sensor 0; how it ended, and how many reads were answered meanwhile.
    pub fn until_transferred(&mut self) -> (Transfer, usize) {
        let mut last = 0;
        let mut read = self.ask(0, 0);
        let before = self.answers[0].len();
        for _ in 0..30_000 {
            self.tick().unwrap();
            if self.answers[0].contains_key(&read) {
                read = self.ask(0, 0);
            }
            match self.driver.transferred() {
                Transfer::Working(now) => {
                    assert!(now <= 1000);
                    last = last.max(now);
                }
                end => return (end, self.answers[0].len() - before),
            }
        }
        panic!("the transfer does not end, at {last} per mille");
    }

    pub fn version(&self) -> u32 {
        self.fake.0.borrow().version()
    }

    pub fn starts(&self) -> u32 {
        self.fake.0.borrow().starts
    }
}

pub fn driver(
    fake: &Fake,
    regions: [&'static [AtomicU64]; 2],
    generation: u64,
    firmware: &'static [u8],
) -> Result<Driver<'static, Fake, Clock>, Error<Failed>> {
    let world = fake.0.clone();
    let clock: Clock = Box::new(move || world.borrow().now);
    let mut driver = Driver::new(fake.clone(), clock, generation, firmware)?;
    for region in regions {
        driver.attach(Client::new(Server::new(region, generation)))?;
    }
    Ok(driver)
}
