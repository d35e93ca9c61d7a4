//! exchange.declare, delete, bind, unbind.

use broker::{BindingSpec, DeleteIf, Destination, Error, ExchangeDeclare, Resource};
use codec::{AMQPClass, exchange};

use crate::channel::Channel;
use crate::channel::declare::strip;
use crate::client::Client;
use crate::close::Fault;
use crate::turn::Turn;

impl Channel {
    pub(crate) fn declare_exchange(
        &mut self,
        m: exchange::Declare,
        client: &mut Client,
        turn: &mut Turn<'_>,
    ) -> Result<(), Fault> {
        let name = strip(m.exchange.as_str());
        let ticket = if m.passive {
            if name.is_empty() {
                return Err(Error::DefaultExchange.into());
            }
            let resource = Resource::exchange(&name, client.vhost.name());
            client.actor.access.check_any(resource)?;
            client.vhost.find_exchange(&name)?;
            None
        } else {
            let declare = ExchangeDeclare {
                name,
                kind: m.kind.into(),
                durable: m.durable,
                auto_delete: m.auto_delete,
                internal: m.internal,
                arguments: m.arguments,
            };
            client
                .vhost
                .declare_exchange(&declare, &client.actor)?
                .ticket
        };
        if !m.nowait {
            let ok = exchange::AMQPMethod::DeclareOk(exchange::DeclareOk {});
            self.reply(AMQPClass::Exchange(ok), ticket, client, turn);
        }
        Ok(())
    }

    pub(crate) fn delete_exchange(
        &mut self,
        m: &exchange::Delete,
        client: &mut Client,
        turn: &mut Turn<'_>,
    ) -> Result<(), Fault> {
        let only_if = DeleteIf {
            unused: m.if_unused,
            empty: false,
        };
        let name = strip(m.exchange.as_str());
        let deleted = client
            .vhost
            .delete_exchange(&name, only_if, &client.actor)?;
        if !m.nowait {
            let ok = exchange::AMQPMethod::DeleteOk(exchange::DeleteOk {});
            self.reply(AMQPClass::Exchange(ok), deleted.ticket, client, turn);
        }
        Ok(())
    }

    pub(crate) fn bind_exchange(
        &mut self,
        m: exchange::Bind,
        client: &mut Client,
        turn: &mut Turn<'_>,
    ) -> Result<(), Fault> {
        let binding = BindingSpec {
            source: strip(m.source.as_str()),
            destination: Destination::Exchange(strip(m.destination.as_str())),
            routing_key: m.routing_key.into(),
            arguments: m.arguments,
        };
        let bound = client.vhost.bind(&binding, &client.actor)?;
        if !m.nowait {
            let ok = exchange::AMQPMethod::BindOk(exchange::BindOk {});
            self.reply(AMQPClass::Exchange(ok), bound.ticket, client, turn);
        }
        Ok(())
    }

    pub(crate) fn unbind_exchange(
        &mut self,
        m: exchange::Unbind,
        client: &mut Client,
        turn: &mut Turn<'_>,
    ) -> Result<(), Fault> {
        let binding = BindingSpec {
            source: strip(m.source.as_str()),
            destination: Destination::Exchange(strip(m.destination.as_str())),
            routing_key: m.routing_key.into(),
            arguments: m.arguments,
        };
        let unbound = client.vhost.unbind(&binding, &client.actor)?;
        if !m.nowait {
            let ok = exchange::AMQPMethod::UnbindOk(exchange::UnbindOk {});
            self.reply(AMQPClass::Exchange(ok), unbound.ticket, client, turn);
        }
        Ok(())
    }
}
