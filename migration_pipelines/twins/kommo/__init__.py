"""The Kommo twin: REST v4 as Kommo documents it, with a switch wherever its documentation leaves a doubt."""
