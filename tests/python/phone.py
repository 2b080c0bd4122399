"""A responder's phone on paho-mqtt: MQTT 5, the envelopes of device.proto, in JSON or binary."""

import queue
import time

import paho.mqtt.client as mqtt
from google.protobuf import json_format
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from muster.v1 import device_pb2 as device
from service import PATIENCE_S

# From this value on, an MQTT reason code is a refusal.
REFUSED_FROM = 0x80


class Phone:
    """Connected on return. Confirms what it receives and answers probes by itself; the rest is said by the test."""

    def __init__(self, address, credential, binary=False):
        self.up_topic, self.down_topic = credential.up_topic, credential.down_topic
        self.binary = binary
        self.messages = queue.Queue()
        self.foreign = []
        self.fix = None
        self._connected, self._subscribed, self._published = queue.Queue(), queue.Queue(), {}

        client = mqtt.Client(
            mqtt.CallbackAPIVersion.VERSION2, client_id=f"{credential.device_id}-phone", protocol=mqtt.MQTTv5
        )
        client.username_pw_set(credential.device_id, credential.password)
        gone = device.Up(presence=device.Presence(state=device.PRESENCE_STATE_OFFLINE))
        client.will_set(self.up_topic, self._encode(gone), qos=1)
        client.on_connect = lambda _c, _u, _f, code, _p: self._connected.put(code)
        client.on_subscribe = lambda _c, _u, _m, codes, _p: self._subscribed.put(codes)
        client.on_publish = self._on_publish
        client.on_message = self._on_message
        self.client = client
        client.connect(*address, keepalive=30)
        client.loop_start()
        code = self._connected.get(timeout=PATIENCE_S)
        if code.is_failure:
            raise ConnectionRefusedError(str(code))

    def subscribe(self, topic, qos=1):
        """The value of the reason code in the broker's answer."""
        self.client.subscribe(topic, qos)
        return self._subscribed.get(timeout=PATIENCE_S)[0].value

    def start(self, latitude, longitude, age_s=0.0):
        """Listens to its own topic, says hello and where it is."""
        code = self.subscribe(self.down_topic)
        if code >= REFUSED_FROM:
            raise ConnectionRefusedError(f"subscription to its own topic: {code:#x}")
        self.say(hello=device.Hello(app_version="e2e"))
        self.move(latitude, longitude, age_s)

    def move(self, latitude, longitude, age_s=0.0):
        """Tells a fix."""
        position = device.Position(latitude_deg=latitude, longitude_deg=longitude, accuracy_m=8)
        position.taken_at.FromMilliseconds(int((time.time() - age_s) * 1000))
        self.fix = position
        self.say(position=position)

    def reply(self, alert_id, kind, **more):
        """Tells what the person says about an alert."""
        self.say(reply=device.Reply(alert_id=alert_id, kind=kind, **more))

    def say(self, **kind):
        """Publishes on its own topic and waits for the broker's acknowledgement."""
        code = self.publish(self.up_topic, self._up(**kind))
        if code >= REFUSED_FROM:
            raise PermissionError(f"publish refused: {code:#x}")

    def publish_as_another(self, topic, **kind):
        """Publishes on any topic; the reason code."""
        return self.publish(topic, self._up(**kind))

    def publish(self, topic, payload, retain=False):
        """Publishes at QoS 1; the value of the reason code in the acknowledgement."""
        self._published.clear()
        sent = self.client.publish(topic, payload, qos=1, retain=retain)
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            if sent.mid in self._published:
                return self._published[sent.mid]
            time.sleep(0.01)
        raise TimeoutError(f"no acknowledgement of a publish on {topic}")

    def next(self, kind):
        """The next message, which must be of this kind: the message, what it says, and its bytes."""
        message, raw = self.messages.get(timeout=PATIENCE_S)
        plain = content(message)
        if plain.WhichOneof("kind") != kind:
            raise AssertionError(f"expected {kind}, received {plain.WhichOneof('kind')}")
        return message, getattr(plain, kind), raw

    def close(self):
        """Leaves properly."""
        self.client.disconnect(properties=Properties(PacketTypes.DISCONNECT))
        self.client.loop_stop()

    def _up(self, **kind):
        up = device.Up(**kind)
        up.sent_at.GetCurrentTime()
        return self._encode(up)

    def _encode(self, up):
        return up.SerializeToString() if self.binary else json_format.MessageToJson(up, indent=None)

    def _on_publish(self, _client, _userdata, mid, code, _properties):
        self._published[mid] = code.value

    def _on_message(self, client, _userdata, message):
        if message.topic != self.down_topic:
            self.foreign.append(message.topic)
            return
        if self.binary:
            down = device.Down.FromString(message.payload)
        else:
            down = json_format.Parse(message.payload, device.Down())
        if content(down).WhichOneof("kind") == "probe":
            if self.fix:
                client.publish(self.up_topic, self._up(position=self.fix), qos=1)
            return
        if down.alert_id:
            receipt = device.Receipt(
                alert_id=down.alert_id, alert_version=down.alert_version, stage=device.RECEIPT_STAGE_RECEIVED
            )
            client.publish(self.up_topic, self._up(receipt=receipt), qos=1)
        self.messages.put((down, message.payload))


def content(message):
    """What a message says, live or exercise."""
    return getattr(message, message.WhichOneof("purpose")).plain
