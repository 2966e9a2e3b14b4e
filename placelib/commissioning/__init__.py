"""Commissioning: what partners do about need: money, options, services, risks; pure tables in, tables out."""
