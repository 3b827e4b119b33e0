"""Writes COUNT alerts as Suricata EVE and as ArcSight CEF: make.py COUNT FOLDER. The same every time."""

import json
import sys

count, folder = int(sys.argv[1]), sys.argv[2]


def about(n):
    return {
        "source": f"10.20.{n // 250 % 250}.{1 + n % 250}",
        "sport": 1024 + n * 7 % 60000,
        "peer": f"198.51.100.{1 + n % 250}",
        "dport": 6881 + n % 9,
        "ms": 1772600000000 + n * 37,
    }


with open(f"{folder}/alerts.eve", "w", encoding="utf-8") as eve, open(f"{folder}/alerts.cef", "w", encoding="utf-8") as cef:
    for n in range(count):
        a = about(n)
        seconds, ms = divmod(a["ms"], 1000)
        day, rest = divmod(seconds - 1772582400, 86400)
        stamp = f"2026-03-{4 + day:02}T{rest // 3600:02}:{rest % 3600 // 60:02}:{rest % 60:02}.{ms:03}000+0000"
        eve.write(json.dumps({
            "timestamp": stamp, "flow_id": 1000000 + n, "in_iface": "eth1", "event_type": "alert", "src_ip": a["source"],
            "src_port": a["sport"], "dest_ip": a["peer"], "dest_port": a["dport"], "proto": "UDP", "pkt_src": "wire/pcap",
            "alert": {"action": "allowed", "gid": 1, "signature_id": 9000001, "rev": 3,
                      "signature": "EXAMPLE P2P BitTorrent DHT ping request", "category": "Potential Corporate Privacy Violation",
                      "severity": 1, "metadata": {"created_at": ["2026_01_01"], "updated_at": ["2026_02_01"]}},
            "app_proto": "bittorrent-dht", "direction": "to_server",
            "flow": {"pkts_toserver": 1, "pkts_toclient": 0, "bytes_toserver": 145, "bytes_toclient": 0, "start": stamp},
        }, separators=(",", ":")) + "\n")
        cef.write(
            f"<134>Mar  4 05:06:07 sensor1 CEF:0|Example|Sensor|4.2|p2p:{n % 40}|P2P BitTorrent DHT ping|7|"
            f"rt={a['ms']} src={a['source']} spt={a['sport']} dst={a['peer']} dpt={a['dport']} proto=UDP act=alert "
            f"suser=CORP\\\\user{n % 500} shost=ws-{n % 1000:04}.corp.example cs1Label=Policy cs1=Acceptable use cnt=1 "
            f"request=http://tracker.example/announce?peer\\=x msg=Peer-to-peer traffic was seen\n"
        )
