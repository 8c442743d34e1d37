"""Live faces over a network: sessions, WebRTC, WebSocket, keys and limits."""
